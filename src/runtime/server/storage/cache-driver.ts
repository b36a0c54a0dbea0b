import type { Driver } from 'unstorage'
import type { CacheEngine } from '../cache/types'

/** Keys that are found by comparing: those of routes hold slashes. */
const HOLDS_SLASHES = 'route:'

/**
 * `useStorage('cache')` as a view of the cache engine: reading sees what the cache holds, removing and clearing invalidate in every process.
 *
 * unstorage turns `/` into `:` and cuts at `?` before a driver sees a key, so a key is found by comparing in that spelling, which looks at every key.
 * Reading does so for routes alone: a key of the app's own that is not there must not cost a walk over all others.
 * For code, prefer `invalidateCache` and its siblings.
 */
export function cacheStorageDriver(engine: () => CacheEngine): Driver {
  async function spelt(accepts: (key: string) => boolean): Promise<string[]> {
    return (await engine().keys('*')).filter(key => accepts(storageSpelling(key)))
  }
  async function find(key: string): Promise<unknown> {
    const value = await engine().peek(key)
    if (value !== undefined || !key.startsWith(HOLDS_SLASHES)) return value ?? null
    // As the cache itself, its view has nothing while Redis is gone.
    for (const candidate of await spelt(other => other === key).catch(() => [])) {
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
      await engine().invalidate([key, ...await spelt(other => other === key)])
    },
    // Of the whole mount unstorage passes no base at all.
    getKeys: async (base = '') => (await engine().keys('*')).map(storageSpelling).filter(key => key.startsWith(base)),
    async clear(base) {
      if (base) await engine().invalidate(await spelt(key => key.startsWith(base)))
      else await engine().invalidatePattern('*')
    },
  }
}

/** What unstorage makes of a key. */
function storageSpelling(key: string): string {
  return key.split('?')[0]!.replace(/[/\\]/g, ':').replace(/:+/g, ':').replace(/^:|:$/g, '')
}

/** unstorage hands over what it has made into JSON. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  }
  catch {
    return text
  }
}
