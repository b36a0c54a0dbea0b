import type { RedisConnection } from './types'

let current: RedisConnection | undefined

/** Returns the shared connection of this process; undefined when no Redis is configured. */
export function currentRedisConnection(): RedisConnection | undefined {
  return current
}

export function setCurrentRedisConnection(connection: RedisConnection | undefined): void {
  current = connection
}
