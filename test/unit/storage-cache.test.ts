import { createStorage, prefixStorage } from 'unstorage'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cacheStorageDriver } from '../../src/runtime/server/storage/cache-driver'
import { clearBelowMounts } from '../../src/runtime/server/storage/clear'
import { startEmbeddedCache } from '../support/cache'

/** `useStorage('cache')` on a cache that holds a route, a page and a value, as the module mounts it. */
let engine: ReturnType<typeof startEmbeddedCache>
let cache: ReturnType<typeof createStorage>

beforeEach(async () => {
  engine = startEmbeddedCache()
  const storage = createStorage()
  const driver = cacheStorageDriver(() => engine)
  storage.mount('cache', driver)
  clearBelowMounts(storage, other => other.name === driver.name)
  cache = prefixStorage(storage, 'cache') as typeof cache
  for (const key of ['route:/api/products?page=1', 'route:/', 'category:1']) await engine.set(key, { key })
})

afterEach(() => engine.close())

const held = async () => (await engine.keys('*')).sort()

describe('the view of the cache', () => {
  it('lists every key, and those below a base', async () => {
    expect((await cache.getKeys()).sort()).toEqual(['category:1', 'route', 'route:api:products'])
    expect(await cache.getKeys('route')).toEqual(['route:api:products'])
    expect(await cache.getKeys('none')).toEqual([])
  })

  it('reads what the cache holds, by the caller\'s spelling and by the storage\'s', async () => {
    expect(await cache.getItem('category:1')).toEqual({ key: 'category:1' })
    expect(await cache.getItem('route:/api/products?page=1')).toEqual({ key: 'route:/api/products?page=1' })
    expect(await cache.hasItem('route:api:products')).toBe(true)
    expect(await cache.getItem('category:2')).toBeNull()
    expect(await cache.hasItem('category:2')).toBe(false)
  })

  it('walks over no other keys for one of the app that is not there, and has nothing where they cannot be listed', async () => {
    let walks = 0
    engine.keys = async () => {
      walks++
      throw new Error('Redis is gone')
    }
    expect(await cache.getItem('category:2')).toBeNull()
    expect(walks).toBe(0)
    expect(await cache.getItem('route:/api/nothing')).toBeNull()
    expect(walks).toBe(1)
  })

  it('writes what the cache then serves', async () => {
    await cache.setItem('category:2', { name: 'Lamps' }, { ttl: 60 })
    expect(await engine.get('category:2', () => 'from the loader')).toEqual({ name: 'Lamps' })
  })

  it('removes what it names and nothing else', async () => {
    await cache.removeItem('route:api:products')
    expect(await held()).toEqual(['category:1', 'route:/'])
  })

  it('clears exactly its base, and everything without one', async () => {
    await cache.clear('route:api')
    expect(await held()).toEqual(['category:1', 'route:/'])
    await cache.clear()
    expect(await held()).toEqual([])
  })
})
