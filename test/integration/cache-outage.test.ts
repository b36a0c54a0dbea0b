import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as ioredis5 from 'ioredis'
import * as ioredis6 from 'ioredis-6'
import { startCacheProcess } from '../support/cache'
import type { CacheProcess } from '../support/cache'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { startRedisSentinel } from '../support/redis-sentinel'
import { startTcpProxy } from '../support/tcp-proxy'
import type { TcpProxy } from '../support/tcp-proxy'
import type { UnhandledRejections } from '../support/wait'
import { trackUnhandledRejections, waitFor } from '../support/wait'

/** One Redis budget, and space for a busy machine. */
const BUDGET = 250
const SPACE = 750
const LOADER = 50

const load = async () => {
  await new Promise(resolve => setTimeout(resolve, LOADER))
  return 'loaded'
}

/** No connection stays and none is taken. */
async function refuse(proxy: TcpProxy): Promise<void> {
  await proxy.refuse()
  proxy.cut()
}

let rejections: UnhandledRejections

beforeAll(() => {
  rejections = trackUnhandledRejections()
})

afterAll(() => {
  rejections.stop()
  expect(rejections.list).toEqual([])
})

describe.each([['ioredis 5', ioredis5], ['ioredis 6', ioredis6]])('with %s, a Redis that is', (_, library) => {
  let redis: RedisServer
  let proxy: TcpProxy
  let cache: CacheProcess

  beforeEach(async () => {
    redis = await startRedis()
    proxy = await startTcpProxy(redis.port)
    cache = await startCacheProcess({ redis: { host: '127.0.0.1', port: proxy.port }, library: library as never })
  })

  afterEach(async () => {
    await cache.close()
    await proxy.close()
    await redis.stop()
  })

  it.each([
    ['killed', () => redis.kill(), () => redis.restart()],
    ['paused', () => redis.pause(), () => redis.resume()],
    ['refusing', () => refuse(proxy), () => proxy.accept()],
    ['half open', () => proxy.freeze({ discard: true }), () => proxy.thaw()],
  ] as const)('%s costs a request one budget at most, and is used again within 2 s of its return', async (_, fail, mend) => {
    await cache.engine.get('stale', () => 'old', { ttl: '1ms', staleIfError: 600 })
    await cache.engine.get('tagged', load, { tags: ['tag'] })
    await fail()

    const slowest = { get: 0, invalidate: 0 }
    for (let round = 0; round < 8; round++) {
      const started = performance.now()
      const answers = await Promise.all([
        ...Array.from({ length: 10 }, (_, index) => cache.engine.get(`${round}:${index}`, load)),
        cache.engine.get('tagged', load, { tags: ['tag'] }),
      ])
      slowest.get = Math.max(slowest.get, performance.now() - started)
      expect(new Set(answers)).toEqual(new Set(['loaded']))
      expect(await cache.engine.get('stale', async () => {
        throw new Error('the source is down too')
      }, { ttl: '1ms', staleIfError: 600 })).toBe('old')
      const invalidating = performance.now()
      await cache.engine.invalidate('tagged')
      await cache.engine.invalidateTags('tag')
      slowest.invalidate = Math.max(slowest.invalidate, performance.now() - invalidating)
      await expect(cache.engine.invalidate('tagged', { strict: true })).rejects.toThrow()
    }
    expect(slowest.get).toBeLessThan(BUDGET + LOADER + SPACE)
    expect(slowest.invalidate).toBeLessThan(2 * BUDGET + SPACE)
    expect(cache.engine.stats.invalidationsQueued).toBeGreaterThan(0)

    await mend()
    const returned = performance.now()
    await waitFor(() => cache.connection.available, { timeout: 10_000 })
    expect(performance.now() - returned).toBeLessThan(2000 + SPACE)
    await waitFor(() => cache.engine.stats.invalidationsQueued === 0 && cache.engine.live, { timeout: 10_000 })
    await cache.engine.get('after', load)
    expect(await cache.engine.keys('after')).toEqual(['after'])
  })
})

describe('an invalidation while Redis is away', () => {
  it('that alone was lost is sent again without waiting for a return that nobody announces', async () => {
    const redis = await startRedis()
    const cache = await startCacheProcess({ redis: { url: redis.url } })
    let unavailable = 0
    cache.connection.onAvailability(available => available || unavailable++)
    await redis.client().call('CLIENT', 'PAUSE', '400', 'WRITE')
    await cache.engine.invalidate('key')
    expect(cache.engine.stats.invalidationsQueued).toBe(1)
    await waitFor(() => cache.engine.stats.invalidationsQueued === 0, { timeout: 3000 })
    expect(unavailable).toBe(0)
    await cache.close()
    await redis.stop()
  })

  it('reaches the other processes when it is back, also when there were more than the queue holds', async () => {
    const redis = await startRedis()
    const proxy = await startTcpProxy(redis.port)
    const cut = await startCacheProcess({ redis: { host: '127.0.0.1', port: proxy.port } })
    const whole = await startCacheProcess({ redis: { url: redis.url } })
    for (const amount of [1, 5000]) {
      await whole.engine.get('key', () => 'old')
      await refuse(proxy)
      await waitFor(() => !cut.connection.available)
      await Promise.all(Array.from({ length: amount }, (_, index) => cut.engine.invalidate(index === 0 ? 'key' : `other:${index}`)))
      expect(cut.engine.stats.invalidationsQueued).toBeGreaterThan(0)
      expect(cut.engine.stats.invalidationsQueued).toBeLessThanOrEqual(1000)
      expect(await whole.engine.get('key', () => 'new')).toBe('old')
      proxy.accept()
      await waitFor(async () => await whole.engine.get('key', () => 'new') === 'new', { timeout: 10_000 })
      await whole.engine.invalidate('key')
    }
    await cut.close()
    await whole.close()
    await proxy.close()
    await redis.stop()
  })
})

describe('a failover', () => {
  it('sends the invalidations of the last minute again to the new master', async () => {
    const sentinel = await startRedisSentinel({ replicas: 1 })
    const cache = await startCacheProcess({ redis: { sentinels: sentinel.sentinels.map(({ host, port }) => ({ host, port })), name: sentinel.name } })
    await cache.engine.get('key', () => 'old')
    await cache.engine.invalidate('key')
    const before = await sentinel.master()
    // What a replica still holds that lagged behind when it became the master.
    const replica = sentinel.servers.find(({ port }) => port !== before.port)!.client()
    await replica.config('SET', 'replica-read-only', 'no')
    await replica.set('scale:cache:{key}', 'not yet replicated deletion', 'PX', 60_000)
    await sentinel.failover()
    await waitFor(async () => (await sentinel.master()).port !== before.port, { timeout: 15_000 })
    await waitFor(async () => await replica.exists('scale:cache:{key}') === 0, { timeout: 30_000, message: 'the invalidation was not sent again' })
    await cache.close()
    await sentinel.stop()
  })
})
