import { defineService } from '../core/service'
import type { RedisConnection } from './types'

/** The shared connection of this process. It is not provided when no Redis is configured. */
export const redisService = defineService<RedisConnection>(
  'Redis was used before the server started: use it in a handler or in a plugin, not at the top level of a file.',
)
