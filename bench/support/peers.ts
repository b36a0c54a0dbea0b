import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver as bentoRedisDriver } from 'bentocache/drivers/redis'
import { Redis } from 'ioredis'
import { createStorage } from 'unstorage'
import unstorageRedisDriver from 'unstorage/drivers/redis'
import type { CacheModuleOptions } from '../../src/runtime/server/cache/settings'
import type { CacheEngine } from '../../src/runtime/server/cache/types'
import type { RedisConnection } from '../../src/runtime/server/redis/types'
import { waitFor } from '../../test/support/wait.ts'
import { createCacheEngine, createRedisConnection, cacheSettings, redisSettings } from './engine.ts'

const HOST = '127.0.0.1'
/** Seconds that values live, longer than any measure. */
export const LIFE = 600

/** A cache under comparison. */
export interface Peer {
  get: (key: string, load: () => unknown) => Promise<unknown>
  close: () => Promise<unknown>
}

/** Our cache, with what is behind it. */
export interface OwnPeer extends Peer {
  engine: CacheEngine
  connection: RedisConnection
}

/** Which Redis our cache uses. */
export type RedisAddress = { port: number } | { cluster: { host: string, port: number }[] }

const silent = { info: () => {}, warn: () => {}, error: () => {} }

/** Settings of our connection. Only the address differs from the defaults. */
export function connectionSettings(address: RedisAddress) {
  const settings = redisSettings.resolveGiven('port' in address ? { host: HOST, port: address.port } : { cluster: address.cluster }, {})
  if (!settings) throw new Error('The bench started without the address of a Redis.')
  return settings
}

/**
 * Our cache on a Redis, ready to use L1.
 * @param wrap may put something between the engine and its connection
 */
export async function startOurs(address: RedisAddress, cache: CacheModuleOptions = {}, wrap = (connection: RedisConnection) => connection): Promise<OwnPeer> {
  const connection = createRedisConnection(connectionSettings(address), { log: silent })
  const engine = createCacheEngine({ settings: cacheSettings.resolveGiven(cache), connection: wrap(connection), log: silent })
  await waitFor(() => connection.available && engine.live, { timeout: 10_000, message: 'the cache to come alive' })
  return {
    engine,
    connection,
    get: (key, load) => engine.get(key, load, LIFE),
    async close() {
      await engine.close()
      await connection.close()
    },
  }
}

/** The helper of many a tutorial: GET, JSON.parse, else load and SET. A failure of the cache or of the loader runs the loader again. */
export function startNaive(port: number): Peer {
  const redis = new Redis({ host: HOST, port })
  return {
    async get(key, load) {
      try {
        const cached = await redis.get(key)
        if (cached) return JSON.parse(cached)
        const result = await load()
        await redis.set(key, JSON.stringify(result), 'EX', LIFE)
        return result
      }
      catch {
        return load()
      }
    },
    close: () => redis.quit(),
  }
}

/** What bentocache is started with. */
export interface BentoOptions {
  l1?: boolean
  /** False keeps values themselves in L1. Default, as theirs: true. */
  serialize?: boolean
  bus?: boolean
  /** First part of its keys in Redis. Without L1 serialization it cannot put what it finds in Redis into L1, so such a cache needs keys of its own. */
  prefix?: string
}

/** bentocache, as its guide sets it up. */
export function startBentocache(port: number, { l1 = false, serialize = true, bus = false, prefix = 'bentocache' }: BentoOptions = {}): Peer {
  const connection = { host: HOST, port }
  let store = bentostore({ ttl: LIFE * 1000 })
  if (l1) store = store.useL1Layer(serialize ? memoryDriver({ maxItems: 10_000 }) : memoryDriver({ maxItems: 10_000, serialize }))
  store = store.useL2Layer(bentoRedisDriver({ connection }))
  if (bus) store = store.useBus(redisBusDriver({ connection }))
  const cache = new BentoCache({ prefix, default: 'store', stores: { store } })
  return {
    get: (key, factory) => cache.getOrSet({ key, factory: factory as () => Promise<unknown> }),
    close: () => cache.disconnectAll(),
  }
}

/**
 * unstorage's Redis driver the way plain Nitro 2 uses it: read the item, else one load a process, written behind the answer.
 */
export function startUnstorage(port: number): Peer {
  const storage = createStorage()
  storage.mount('cache', unstorageRedisDriver({ host: HOST, port, base: 'plain' }))
  const pending = new Map<string, Promise<unknown>>()
  return {
    async get(key, load) {
      const item = `cache:${key}`
      const cached = await storage.getItem(item)
      if (cached !== null) return cached
      let loading = pending.get(item)
      if (loading === undefined) {
        loading = Promise.resolve(load())
        pending.set(item, loading)
        loading.then(value => storage.setItem(item, value as object, { ttl: LIFE })).finally(() => pending.delete(item))
      }
      return loading
    },
    close: () => storage.dispose(),
  }
}
