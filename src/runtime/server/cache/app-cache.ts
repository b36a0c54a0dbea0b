import type { CacheEngine } from './types'

/** `nitroApp.cache`: the cache for code that has the Nitro app, such as plugins. */
export interface AppCache {
  /** Returns the stored value, or null if there is no value or it is past its `ttl`. */
  get: <T = unknown>(key: string) => Promise<T | null>
  /** Stores a value for `ttl` seconds (default `scale.cache.ttl`, 300). Returns false if it could not be stored. */
  set: (key: string, value: unknown, ttl?: number) => Promise<boolean>
  /**
   * Deletes every key that matches a Redis glob, in every process.
   * Returns false if Redis did not confirm the deletion. It is then sent again when Redis is back.
   */
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
