import { defineScript } from '../redis-script'

/**
 * `judge` of gcra.ts on the clock of Redis, in its milliseconds, so that all processes share one time. KEYS: bucket.
 * ARGV: microseconds that the request takes up, capacity of the bucket. Returns the microseconds until the bucket is empty; below zero
 * when the request is denied, and then one more, since zero has no sign.
 *
 * The expiry of the key is the theoretical arrival time, rounded up to a millisecond, and its value the microseconds that were added:
 * asking for TIME would cost half as much again. A denied request writes nothing.
 *
 * @param added what was added to the expiry that is there
 */
const judgeText = (added: string) => `
local call, key, capacity = redis.call, KEYS[1], ARGV[2] + 0
local fill = call('PTTL', key) * 1000
if fill > 0 then fill = fill${added} else fill = 0 end
if fill > capacity then fill = capacity end
local raised = fill + ARGV[1]
if raised > capacity then return -1 - fill end
local rest = -raised % 1000
call('PSETEX', key, (raised + rest) / 1000, rest)
return raised
`

export const judgeScript = defineScript(judgeText(` - (call('GET', key) or 0)`))
/** The same for intervals of whole milliseconds, to which nothing is ever added: a third less work for Redis. */
export const judgeWholeScript = defineScript(judgeText(''))
