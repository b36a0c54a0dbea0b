import { expect, it } from 'vitest'
import type { L1Entry } from '../../src/runtime/server/cache/l1'
import { L1 } from '../../src/runtime/server/cache/l1'
import { createCachedFunction } from '../../src/runtime/server/cache/nitro/function'
import type { NitroCacheHost } from '../../src/runtime/server/cache/nitro/host'
import { cacheSettings } from '../../src/runtime/server/cache/settings'
import { readGauges } from '../../src/runtime/server/core/instruments'
import { createReporter } from '../../src/runtime/server/health/report'
import { recordError, recordVital, rejections } from '../../src/runtime/server/monitoring/browser-metrics'
import { createPublisher } from '../../src/runtime/server/rabbitmq/amqp/publisher'
import { createEmbeddedServer } from '../../src/runtime/server/rabbitmq/embedded/server'
import { measurePublish } from '../../src/runtime/server/rabbitmq/measure-messages'
import { PublishError } from '../../src/runtime/server/rabbitmq/publish-error'
import { createLimiter } from '../../src/runtime/server/rate-limit/limiter'
import { resolveRateLimit } from '../../src/runtime/server/rate-limit/settings'
import { countMoves } from '../../src/runtime/server/shards/count-moves'
import { advanceMove, startMoves, takeBackMove } from '../../src/runtime/server/shards/moves'
import { planShards } from '../../src/runtime/server/shards/plan'
import { readSlotGauges } from '../../src/runtime/server/shards/read-slot-gauges'
import type { SlotMap } from '../../src/runtime/server/shards/slot-map'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { startEmbeddedCache } from '../support/cache'
import { ManualClock, settle } from '../support/manual-clock'
import { messageOf } from '../support/messages'
import { recordMetrics } from '../support/recorded-metrics'

const { reset, values } = recordMetrics()

const ENTRY: L1Entry = {
  value: 1, promise: Promise.resolve(1), epoch: 0, freshUntil: 1, heldUntil: 1, expires: 1, horizon: 1, cost: 1, writeId: '', codec: 'j', tags: [], versions: [],
  plainKey: true, refreshAfter: 0,
}

it('the cache counts each read once, by its level, and each load by its outcome', async () => {
  const engine = startEmbeddedCache()
  let release = () => {}
  const slow = engine.get('slow', () => new Promise<number>(resolve => release = () => resolve(1)))
  const joined = engine.get('slow', () => 2)
  await new Promise(resolve => setTimeout(resolve, 5))
  release()
  expect(await Promise.all([slow, joined])).toEqual([1, 1])
  for (let count = 0; count < 3; count++) await engine.get('slow', () => 3, 60)
  await expect(engine.get('broken', () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  await engine.get('personal', context => context.uncacheable())
  expect(values('scale.cache.requests')).toEqual({ 'manual  miss': 3, 'manual  l1_hit': 3, 'manual  error': 1 })
  expect(values('scale.cache.load.duration')).toEqual({ 'manual  ok': 2, 'manual  error': 1 })

  const host = { engine: () => engine, settings: () => cacheSettings.resolveGiven({}) } as unknown as NitroCacheHost
  const product = createCachedFunction((id: number) => ({ id }), { name: 'product', maxAge: 60, shouldBypassCache: id => id === 9 }, host)
  for (const id of [1, 1, 2, 9]) await product(id)
  expect(values('scale.cache.requests')).toMatchObject({ 'function product miss': 2, 'function product l1_hit': 1, 'function product bypass': 1 })

  await engine.invalidate(['slow', 'broken'])
  await engine.invalidateTags(['tag'])
  await engine.invalidatePattern('s*')
  expect(values('scale.cache.invalidations')).toEqual({ 'key local': 2, 'tag local': 1, 'pattern local': 1 })
  await engine.close()
})

it('a load whose value cannot be checked or written is measured, too', async () => {
  const engine = startEmbeddedCache()
  const fails = () => {
    throw new Error('no')
  }
  await expect(engine.get('checked', () => 1, { validate: fails })).rejects.toThrow('no')
  await engine.get('written', () => 1, { serializer: { codec: 'x', encode: fails, decode: () => 1 } })
  expect(values('scale.cache.load.duration')).toEqual({ 'manual  ok': 2 })
  await engine.close()
})

it('an entry that leaves the memory is counted by its reason, and one that is deleted is not', () => {
  let now = 0
  const l1 = new L1({ maxEntries: 2, maxBytes: 10_000 }, { now: () => now })
  const add = (key: string, until: number, bytes = 1) => l1.set(key, { ...ENTRY, heldUntil: until, horizon: until }, bytes)
  add('a', 10)
  add('a', 10)
  add('b', 10)
  add('c', 100)
  expect(values('scale.cache.evictions')).toEqual({ count: 1 })
  now = 50
  add('b', 100)
  l1.delete('c')
  l1.clear()
  expect(values('scale.cache.evictions')).toEqual({ count: 1, expired: 1 })
  const large = new L1({ maxEntries: 10, maxBytes: 10_000 })
  for (const key of ['d', 'e']) large.set(key, { ...ENTRY, heldUntil: Infinity, horizon: Infinity }, 2000)
  expect(values('scale.cache.evictions')).toEqual({ count: 1, expired: 1, bytes: 1 })
})

it('the limiter counts its decisions by the name of the limit', async () => {
  const limiter = createLimiter({ shared: undefined, share: 1, onShared: () => {}, now: () => 0 })
  const [strict, shadow] = [{ limit: 2, window: 1 }, { limit: 2, window: 1, shadow: true }].map((rule, index) => resolveRateLimit(`limit ${index}`, rule, 'rule'))
  for (let count = 0; count < 5; count++) {
    await limiter.take(strict!, 'caller')
    await limiter.take(shadow!, 'caller')
  }
  expect(values('scale.rate_limit.decisions')).toEqual({ 'limit 0 allowed': 2, 'limit 0 denied': 3, 'limit 1 allowed': 2, 'limit 1 shadow': 3 })
})

it('the limiter measures the decisions that ask Redis, and no others', async () => {
  const rule = resolveRateLimit('api', { limit: 2, window: 1 }, 'rule')
  const alone = createLimiter({ shared: undefined, share: 1, onShared: () => {}, now: () => 0 })
  await alone.take(rule, 'caller')
  expect(values('scale.rate_limit.duration')).toEqual({})
  const answers = [0, -1 - 1_000_000]
  const shared = createLimiter({ shared: { take: () => Promise.resolve(answers.shift()!) }, share: 1, onShared: () => {}, now: () => 0 })
  const allowed = []
  for (let count = 0; count < 5; count++) allowed.push((await shared.take(rule, 'caller')).allowed)
  expect(allowed).toEqual([true, false, false, false, false])
  // The denials after the second one are remembered.
  expect(values('scale.rate_limit.duration')).toEqual({ '': 2 })
})

it('health records the result and the time of each check', async () => {
  const check = (name: string, level: 'critical' | 'degraded', works: boolean) =>
    ({ name, level, timeout: 100, run: () => works ? Promise.resolve() : Promise.reject(new Error('away')) })
  await createReporter({ checks: [check('one', 'critical', true), check('two', 'degraded', false), check('three', 'critical', false)], cacheTtl: 0 })()
  expect(values('scale.health.check.status')).toEqual({ one: 1, two: 0.5, three: 0 })
  expect(values('scale.health.check.duration')).toEqual({ one: 1, two: 1, three: 1 })
})

it('a publish is counted with its outcome', async () => {
  await measurePublish('orders', async () => {})
  await expect(measurePublish('orders', () => Promise.reject(new PublishError('UNROUTABLE', 'no queue')))).rejects.toThrow('no queue')
  expect(values('messaging.client.sent.messages')).toEqual({ 'orders ': 1, 'orders unroutable': 1 })
  expect(values('messaging.client.operation.duration')).toEqual({ 'orders publish': 2 })
})

it('a publisher shows its messages that wait, those that are not confirmed, and whether the broker is blocked, until it ends', async () => {
  const publisher = createPublisher({
    window: 2, buffer: { messages: 10, bytes: 10_000, onFull: 'reject' }, clock: new ManualClock(), soon: queueMicrotask,
  })
  const gauges = () => {
    readGauges((error) => {
      throw error
    })
    return [values('scale.messaging.buffer_messages'), values('scale.messaging.unconfirmed'), values('scale.messaging.blocked')].map(value => value[''])
  }
  const outcomes = Array.from({ length: 5 }, (_, index) => publisher.publish(messageOf(String(index)), 1000).catch(() => {}))
  expect(gauges()).toEqual([5, 0, 0])
  publisher.open({ publish: () => {}, check: () => Promise.resolve(undefined), abandon: () => {} })
  await settle()
  expect(gauges()).toEqual([3, 2, 0])
  publisher.block(true)
  publisher.confirmed(1, false, true)
  expect(gauges()).toEqual([3, 1, 1])
  publisher.end()
  await Promise.all(outcomes)
  reset()
  expect(gauges()).toEqual([undefined, undefined, undefined])
})

it('the slots of each shard are counted by the state of their moves', () => {
  const first = firstSlotMap(['a', 'b'], 16)
  let map: SlotMap = { ...first, moving: [{ slots: [0, 1, 2], from: 'a', to: 'b', state: 'copying' }, { slots: [3], from: 'a', to: 'b', state: 'verify' }] }
  const stop = readSlotGauges(() => map)
  readGauges(() => {})
  const others = { 'a dual-write': 0, 'a read-new': 0, 'b copying': 0, 'b dual-write': 0, 'b verify': 0, 'b read-new': 0, 'b stable': 8 }
  expect(values('scale.shard.slots')).toEqual({ ...others, 'a stable': 4, 'a copying': 3, 'a verify': 1 })
  map = { ...first, moving: [] }
  readGauges(() => {})
  expect(values('scale.shard.slots')).toMatchObject({ 'a stable': 8, 'a copying': 0, 'a verify': 0 })
  stop()
})

it('a delivery is counted by how it is settled, once', async () => {
  const broker = createEmbeddedServer({ limits: { messages: 10, bytes: 10_000 }, log: { warn: () => {} } }).connect()
  await broker.declare({
    exchanges: [{ name: 'orders', type: 'topic' }],
    queues: [{ name: 'q', type: 'quorum' }],
    bindings: [{ queue: 'q', exchange: 'orders', routingKey: '#' }],
  })
  for (const id of ['1', '2', '3']) await broker.publish(messageOf(id, { exchange: 'orders' }), 1000)
  const [first, second, third] = [await broker.get('q'), await broker.get('q'), await broker.get('q')]
  first!.ack()
  first!.ack()
  second!.reject(false)
  third!.release()
  expect(values('messaging.client.operation.duration')).toEqual({ 'q ack': 1, 'q reject': 1, 'q nack': 1 })
  await broker.close(1000)
})

it('a move of slots is counted when it begins and when it ends', () => {
  const first = firstSlotMap(['a', 'b'], 12)
  let map = first
  const follow = (next: SlotMap) => {
    countMoves(map, next)
    map = next
  }
  follow(startMoves(planShards(first, { add: ['c'] })))
  expect(values('scale.shard.moves')).toEqual({ started: 2 })
  follow(takeBackMove(map, { from: 'b', to: 'c' }))
  for (let step = 0; step < 4; step++) follow(advanceMove(map, { from: 'a', to: 'c' }))
  expect(values('scale.shard.moves')).toEqual({ started: 2, cancelled: 1, finished: 1 })
})

it('what browsers report is counted by the pattern of the page', () => {
  const origin = { build: '', release: '', browser: 'chrome', route: '/products/:id' }
  recordVital({ ...origin, name: 'LCP', value: 2.6, navigation: 'navigate' })
  recordVital({ ...origin, name: 'CLS', value: 0.02, navigation: 'navigate' })
  recordError({ ...origin, kind: 'vue', name: 'TypeError', message: '', frames: [], component: '', count: 3, fingerprint: 'a' })
  rejections.record(1, 'size')
  expect(values('scale.web_vital.lcp')).toEqual({ '/products/:id navigate': 1 })
  expect(values('scale.web_vital.cls')).toEqual({ '/products/:id navigate': 1 })
  expect(values('scale.client.errors')).toEqual({ '/products/:id vue': 3 })
  expect(values('scale.ingest.rejected')).toEqual({ size: 1 })
})
