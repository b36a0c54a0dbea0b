import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startCacheProcess } from '../support/cache'
import type { CacheProcess } from '../support/cache'
import { startCacheWorker } from '../support/cache-worker'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { startTcpProxy } from '../support/tcp-proxy'
import type { TcpProxy } from '../support/tcp-proxy'
import { waitFor } from '../support/wait'

const KEYS = Array.from({ length: 100 }, (_, index) => `key:${index}`)
const isSubscriber = ({ sent }: { sent: string }) => /subscribe/i.test(sent)

let redis: RedisServer
let proxy: TcpProxy
let writer: CacheProcess
let reader: CacheProcess

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => {
  await redis?.stop()
})

beforeEach(async () => {
  await redis.client().flushall()
  proxy = await startTcpProxy(redis.port)
  writer = await startCacheProcess({ redis: { url: redis.url } })
  reader = await startCacheProcess({ redis: { host: '127.0.0.1', port: proxy.port } })
})

afterEach(async () => {
  await reader?.close()
  await writer?.close()
  await proxy?.close()
})

/** What the reader answers for each key; the loader gives the version of the source. */
const readAll = (version: number) => Promise.all(KEYS.map(key => reader.engine.get(key, () => version, { tags: ['tag'] })))

describe('messages that a process misses', () => {
  it.each([
    ['cut', () => proxy.cut(isSubscriber), () => {}],
    ['half open', () => proxy.freeze({ only: isSubscriber, discard: true }), () => proxy.thaw()],
    ['stalled and then delivered late', () => proxy.freeze({ only: isSubscriber }), () => proxy.thaw()],
  ] as const)('with its subscriber %s, leave no stale L1 entry once the bus is live', async (_, fault, mend) => {
    await waitFor(async () => {
      const { l1Hits } = reader.engine.stats
      expect(new Set(await readAll(1))).toEqual(new Set([1]))
      return reader.engine.stats.l1Hits === l1Hits + KEYS.length
    }, { timeout: 8000, message: 'every key to be in L1' })
    fault()
    for (const key of KEYS) await writer.engine.invalidate(key, { strict: true })
    await waitFor(() => !reader.engine.live || reader.engine.stats.epochs > 2, { timeout: 8000, message: 'the reader did not notice its deaf subscriber' })
    mend()
    await waitFor(() => reader.engine.live, { timeout: 10_000 })
    expect((await readAll(2)).filter(version => version !== 2)).toEqual([])
  })

  it('with a lost message in the middle raise the epoch', async () => {
    await readAll(1)
    const { epochs } = reader.engine.stats
    await redis.client().publish('scale:bus:0', 'another-process 1 del nothing')
    await redis.client().publish('scale:bus:0', 'another-process 3 del nothing')
    await waitFor(() => reader.engine.stats.epochs === epochs + 1)
    expect((await readAll(2)).filter(version => version !== 1)).toEqual([])
    expect(reader.engine.stats.l2Hits).toBeGreaterThanOrEqual(100)
  })

  it('of a kind that this version does not know raise the epoch', async () => {
    const { epochs } = reader.engine.stats
    await redis.client().publish('scale:bus:0', 'another-process 1 newer thing')
    await waitFor(() => reader.engine.stats.epochs === epochs + 1)
  })

  it('at the end of a publisher are found by its repeat', async () => {
    await redis.client().publish('scale:bus:0', 'another-process 1 del nothing')
    const { epochs } = reader.engine.stats
    await redis.client().publish('scale:bus:0', 'another-process 1 again ')
    await redis.client().publish('scale:bus:0', 'another-process 2 again ')
    await waitFor(() => reader.engine.stats.epochs === epochs + 1)
  })
})

describe('a process that is stopped', () => {
  it('serves nothing old from L1 when it runs on', async () => {
    const worker = await startCacheWorker({ redis: { url: redis.url } })
    await worker.readAll(KEYS, 1)
    expect((await worker.readAll(KEYS, 1)).sources).toEqual(Array.from({ length: 100 }, () => 'l1'))
    worker.pause()
    for (const key of KEYS) await writer.engine.invalidate(key, { strict: true })
    // Longer than the silence that L1 tolerates, so that its clock alone must tell the worker.
    await new Promise(resolve => setTimeout(resolve, 3500))
    const answer = worker.readAll(KEYS, 2)
    worker.resume()
    expect((await answer).values.filter(version => version !== 2)).toEqual([])
    await worker.close()
  })
})
