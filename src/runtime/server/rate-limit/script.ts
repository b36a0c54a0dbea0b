import { defineScript } from '../redis/script'

/**
 * `judge` of gcra.ts, on the clock of Redis, so that all processes share one time. KEYS: bucket. ARGV: interval, capacity, cost.
 * Returns whether the request passes, and the microseconds until the bucket is empty. A denied request writes nothing.
 */
export const judgeScript = defineScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, capacity, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local start = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or 0) or 0, now), now + capacity)
local arrival = start + cost * interval
if arrival - now > capacity then return {0, start - now} end
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
return {1, arrival - now}
`)
