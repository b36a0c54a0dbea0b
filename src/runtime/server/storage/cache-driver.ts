import type { Driver } from 'unstorage'
import type { CacheEngine } from '../cache/types'

/** Prefix of route keys. They contain slashes, so unstorage changes them. */
const ROUTE_PREFIX = 'route:'

/**
 * Creates the driver of `useStorage('cache')` on the cache engine.
 * Reads return cached values; removing and clearing invalidate in every process.
 *
 * unstorage replaces `/` by `:` and cuts a key at `?` before a driver receives it.
 * The driver therefore normalizes every cached key in the same way and compares.
 * Reads do this only for route keys, so that a miss on any other key does not scan all keys.
 * In your own code, prefer `invalidateCache`, `invalidateCachePattern` and `invalidateCacheTags`.
 */
export function cacheStorageDriver(engine: () => CacheEngine): Driver {
  async function keysWhere(accepts: (normalized: string) => boolean): Promise<string[]> {
    return (await engine().keys('*')).filter(key => accepts(normalizeKey(key)))
  }
  async function find(key: string): Promise<unknown> {
    const value = await engine().peek(key)
    if (value !== undefined || !key.startsWith(ROUTE_PREFIX)) return value ?? null
    // If Redis is unavailable, this is a miss, as in the cache itself.
    for (const candidate of await keysWhere(other => other === key).catch(() => [])) {
      const found = await engine().peek(candidate)
      if (found !== undefined) return found
    }
    return null
  }
  return {
    name: 'nuxt-scale-cache',
    hasItem: async key => await find(key) !== null,
    getItem: key => find(key) as Promise<never>,
    async setItem(key, value, { ttl }: { ttl?: number } = {}) {
      await engine().set(key, readJson(value), ttl ? { ttl } : {})
    },
    async removeItem(key) {
      await engine().invalidate([key, ...await keysWhere(other => other === key)])
    },
    // For the whole mount, unstorage passes no base.
    getKeys: async (base = '') => (await engine().keys('*')).map(normalizeKey).filter(key => key.startsWith(base)),
    async clear(base) {
      if (base) await engine().invalidate(await keysWhere(key => key.startsWith(base)))
      else await engine().invalidatePattern('*')
    },
  }
}

/** Normalizes a key as unstorage does. */
function normalizeKey(key: string): string {
  return key.split('?')[0]!.replace(/[/\\]/g, ':').replace(/:+/g, ':').replace(/^:|:$/g, '')
}

/** unstorage passes values as JSON; a value that is not JSON stays a string. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  }
  catch {
    return text
  }
}
