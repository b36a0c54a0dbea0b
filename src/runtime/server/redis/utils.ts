import { redisService } from './service'
import type { RedisClient } from './types'

/**
 * Returns the shared ioredis client.
 *
 * Auto-pipelining is on. There is no offline queue, so commands reject at once while Redis is unreachable.
 *
 * @throws Error when no Redis is configured
 * @example
 * ```ts
 * await useRedis().incr('visits')
 * ```
 */
export function useRedis(): RedisClient {
  const connection = redisService.find()
  if (!connection) {
    throw new Error(
      'useRedis() was called, but no Redis is configured: '
      + 'set NUXT_SCALE_REDIS_URL (or REDIS_URL) where the server starts, or scale.redis.url.',
    )
  }
  return connection.client
}
