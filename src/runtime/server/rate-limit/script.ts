import { defineScript } from '../redis/script'

/**
 * `judge` of gcra.ts on the clock of Redis, in its milliseconds, so that all processes share one time. KEYS: bucket.
 * ARGV: microseconds that the request takes up, capacity of the bucket. Returns the microseconds until the bucket is empty; below zero
 * when the request is denied, and then one more, since zero has no sign.
 *
 * The expiry of the key is the theoretical arrival time, rounded up to a millisecond, and its value the microseconds that were added:
 * asking for TIME would cost half as much again. A denied request writes nothing.
 *
 * @param added what was added to the expiry that is there
 * @param settle a statement that changes the fill before the request is judged
 * @param keep a statement that writes the fill of a request that is denied
 */
const judgeText = (added: string, settle = '', keep = '') => `
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

export const judgeScript = defineScript(judgeText(` - (call('GET', key) or 0)`))
/** The same for intervals of whole milliseconds, to which nothing is ever added: a third less work for Redis. */
export const judgeWholeScript = defineScript(judgeText(''))
/**
 * The same, after a debt in whole milliseconds (ARGV[3]) was added to the bucket. The debt is written also when the request is denied,
 * since the process that tells it forgets it.
 */
export const judgeDebtScript = defineScript(judgeText(
  ` - (call('GET', key) or 0)`,
  'fill = fill + ARGV[3]\n',
  `call('PSETEX', key, (fill + -fill % 1000) / 1000, -fill % 1000) `,
))
