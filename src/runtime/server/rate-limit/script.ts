import { defineScript } from '../redis/script'

/**
 * Lua text of `decide` in gcra.ts. It uses the clock of Redis in milliseconds, so that all processes share one clock.
 *
 * KEYS: bucket. ARGV: microseconds that the request adds, capacity of the bucket. It returns the microseconds until the bucket is empty.
 * If the request is denied, it returns -1 minus that number, because zero has no sign.
 *
 * The expiry of the key is the theoretical arrival time, rounded up to a millisecond. The value of the key is the number of microseconds
 * that the rounding added. Calling TIME instead would cost 50% more. A denied request writes nothing.
 *
 * @param added Lua expression that subtracts the rounding of the stored expiry
 * @param settle Lua statement that changes the fill before the decision
 * @param keep Lua statement that stores the fill of a denied request
 */
const decideText = (added: string, settle = '', keep = '') => `
local call, key, capacity = redis.call, KEYS[1], ARGV[2] + 0
local fill = call('PTTL', key) * 1000
if fill > 0 then fill = fill${added} else fill = 0 end
${settle}if fill > capacity then fill = capacity end
local raised = fill + ARGV[1]
if raised > capacity then ${keep}return -1 - fill end
local rest = -raised % 1000
call('PSETEX', key, (raised + rest) / 1000, rest)
return raised
`

export const decideScript = defineScript(decideText(` - (call('GET', key) or 0)`))
/** The same for intervals of whole milliseconds, which need no rounding. It costs Redis a third less. */
export const decideWholeScript = defineScript(decideText(''))
/**
 * The same, but it first adds a debt in microseconds, a multiple of 1000 (ARGV[3]). It stores the debt even if the request is denied,
 * because the process that sends the debt forgets it.
 */
export const decideDebtScript = defineScript(decideText(
  ` - (call('GET', key) or 0)`,
  'fill = fill + ARGV[3]\n',
  `call('PSETEX', key, (fill + -fill % 1000) / 1000, -fill % 1000) `,
))
