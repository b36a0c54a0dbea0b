import { createLimiter } from '../../src/runtime/server/rate-limit/limiter'
import type { Limiter } from '../../src/runtime/server/rate-limit/limiter'
import { createRedisLimits } from '../../src/runtime/server/rate-limit/redis-limits'
import { resolveRateLimit } from '../../src/runtime/server/rate-limit/settings'
import type { RateLimitRule } from '../../src/runtime/server/rate-limit/settings'
import { createRedisConnection } from '../../src/runtime/server/redis/connection'
import { redisSettings } from '../../src/runtime/server/redis/settings'
import { waitFor } from './wait'

/** Requests that one process makes: how many of each key, and the cost of each. */
export interface Arrivals {
  rule: RateLimitRule
  requests: { key: string, cost: number }[]
}

let limiter: Limiter | undefined

/** Starts a limiter at the first message, and at the others makes requests, 50 at a time. Answers with what was allowed. */
process.on('message', async (message: { redis: object } | Arrivals) => {
  if ('redis' in message) {
    const silent = { info: () => {}, warn: () => {}, error: () => {} }
    const connection = createRedisConnection(redisSettings.resolveGiven(message.redis, {})!, { log: silent })
    await waitFor(() => connection.available, { message: 'Redis to be there' })
    limiter = createLimiter({ shared: createRedisLimits(connection, 10_000), share: 1, onShared: () => {} })
    process.send!('ready')
    return
  }
  const rule = resolveRateLimit('test', message.rule, 'rule')
  const allowed: boolean[] = []
  const queue = message.requests.entries()
  await Promise.all(Array.from({ length: 50 }, async () => {
    for (const [index, { key, cost }] of queue) allowed[index] = (await limiter!.take(rule, key, cost)).allowed
  }))
  process.send!({ allowed, fallbacks: limiter!.stats.fallbacks })
})
