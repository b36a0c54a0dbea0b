import { currentRedisConnection } from './current'
import type { RedisClient } from './types'

/**
 * The shared ioredis client: one connection for commands, with auto-pipelining on and no offline queue, so a dead Redis rejects instead of hanging.
 *
 * @throws Error when no Redis is configured
 * @example
 * ```ts
 * await useRedis().incr('visits')
 * ```
 */
export function useRedis(): RedisClient {
  const connection = currentRedisConnection()
  if (!connection) {
    throw new Error('useRedis() has no Redis: set NUXT_SCALE_REDIS_URL (or REDIS_URL) where the server starts, or scale.redis.url.')
  }
  return connection.client
}
