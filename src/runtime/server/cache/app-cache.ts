import type { CacheEngine } from './types'

/** `nitroApp.cache`: the cache for code that holds the Nitro app, such as plugins. */
export interface AppCache {
  /** The stored value, or null when there is none or it is past its ttl. */
  get: <T = unknown>(key: string) => Promise<T | null>
  /** Stores a value for `ttl` seconds (default `scale.cache.ttl`, 300). False when it could not be stored. */
  set: (key: string, value: unknown, ttl?: number) => Promise<boolean>
  /** Deletes every key that matches a Redis glob, in every process. False when Redis did not confirm; the deletion is then sent again when it is back. */
  invalidate: (pattern: string) => Promise<boolean>
}

/** @param engine the cache of the process */
export function createAppCache(engine: CacheEngine): AppCache {
  return {
    async get<T>(key: string) {
      return await engine.peek<T>(key) ?? null
    },
    set: (key, value, ttl) => engine.set(key, value, ttl === undefined ? {} : { ttl }),
    invalidate: pattern => engine.invalidatePattern(pattern, { strict: true }).then(() => true, () => false),
  }
}
