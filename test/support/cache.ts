import { createCacheEngine } from '../../src/runtime/server/cache/create'
import { cacheSettings } from '../../src/runtime/server/cache/settings'
import type { CacheModuleOptions } from '../../src/runtime/server/cache/settings'
import type { CacheEngine } from '../../src/runtime/server/cache/types'
import { createRedisConnection } from '../../src/runtime/server/redis/connection'
import { redisSettings } from '../../src/runtime/server/redis/settings'
import type { RedisRuntimeOptions } from '../../src/runtime/server/redis/runtime-options'
import type { RedisConnection } from '../../src/runtime/server/redis/types'
import { waitFor } from './wait'

/** One app process as far as the cache goes: a connection of its own and an engine on it. */
export interface CacheProcess {
  engine: CacheEngine
  connection: RedisConnection
  /** Lines that the engine logged as errors or warnings. */
  logged: string[]
  close: () => Promise<void>
}

export interface CacheProcessOptions {
  redis: RedisRuntimeOptions
  cache?: CacheModuleOptions
  scope?: () => string
  development?: boolean
  library?: Parameters<typeof createRedisConnection>[1]['ioredis']
}

/** Starts a cache process and waits until its L1 may be used. */
export async function startCacheProcess({ redis, cache, scope, development, library }: CacheProcessOptions): Promise<CacheProcess> {
  const logged: string[] = []
  const log = {
    info: () => {},
    warn: (message: string) => void logged.push(message),
    error: (message: string) => void logged.push(message),
  }
  const settings = redisSettings.resolveGiven(redis, {})
  if (!settings) throw new Error('startCacheProcess needs the address of a Redis.')
  const connection = createRedisConnection(settings, { log, ioredis: library })
  const engine = createCacheEngine({ settings: cacheSettings.resolveGiven(cache), connection, log, scope, development })
  await waitFor(() => connection.available && engine.live, { message: 'the cache never came alive on its Redis' })
  return {
    engine,
    connection,
    logged,
    async close() {
      await engine.close()
      await connection.close()
    },
  }
}

/** A cache without Redis. */
export function startEmbeddedCache(cache?: CacheModuleOptions, options: { development?: boolean, scope?: () => string } = {}): CacheEngine & { logged: string[] } {
  const logged: string[] = []
  const log = { warn: (message: string) => void logged.push(message), error: (message: string) => void logged.push(message) }
  return Object.assign(createCacheEngine({ settings: cacheSettings.resolveGiven(cache), log, ...options }), { logged })
}
