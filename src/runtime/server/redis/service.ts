import { defineService } from '../core/service'
import type { RedisConnection } from './types'

/** The shared connection of this process. It is not provided when no Redis is configured. */
export const redisService = defineService<RedisConnection>('Redis was used before the server started: call it in a handler, or in a plugin of your own, not at the top of a file.')
