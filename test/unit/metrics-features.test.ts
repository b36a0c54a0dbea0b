import { afterEach, beforeEach, expect, it } from 'vitest'
import { createCachedFunction } from '../../src/runtime/server/cache/nitro/function'
import type { NitroCacheHost } from '../../src/runtime/server/cache/nitro/host'
import { cacheSettings } from '../../src/runtime/server/cache/settings'
import { attachRecorders } from '../../src/runtime/server/core/instruments'
import { METRICS } from '../../src/runtime/server/core/metric-definitions'
import { createReporter } from '../../src/runtime/server/health/report'
import type { MetricRegistry } from '../../src/runtime/server/metrics/registry'
import { createMetricRegistry } from '../../src/runtime/server/metrics/registry'
import { recordError, recordVital, rejections } from '../../src/runtime/server/monitoring/browser-metrics'
import { measurePublish } from '../../src/runtime/server/rabbitmq/measure-messages'
import { PublishError } from '../../src/runtime/server/rabbitmq/publish-error'
import { createLimiter } from '../../src/runtime/server/rate-limit/limiter'
import { resolveRateLimit } from '../../src/runtime/server/rate-limit/settings'
import { startEmbeddedCache } from '../support/cache'

let registry: MetricRegistry

beforeEach(() => {
  registry = createMetricRegistry(METRICS, { maxSeries: 200, routes: 100, names: 50, queues: 100 })
  attachRecorders(name => registry.metrics.get(name))
})

afterEach(() => attachRecorders(undefined))

/** The values of a metric, or the numbers of observations, by the labels of their series. */
function values(name: keyof typeof METRICS): Record<string, number> {
  return Object.fromEntries(registry.metrics.get(name)!.all.map(series => [series.labels.join(' '), 'value' in series ? series.value : series.count]))
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

it('the limiter counts its decisions by the name of the limit', async () => {
  const limiter = createLimiter({ shared: undefined, share: 1, onShared: () => {}, now: () => 0 })
  const [strict, shadow] = [{ limit: 2, window: 1 }, { limit: 2, window: 1, shadow: true }].map((rule, index) => resolveRateLimit(`limit ${index}`, rule, 'rule'))
  for (let count = 0; count < 5; count++) {
    await limiter.take(strict!, 'caller')
    await limiter.take(shadow!, 'caller')
  }
  expect(values('scale.rate_limit.decisions')).toEqual({ 'limit 0 allowed': 2, 'limit 0 denied': 3, 'limit 1 allowed': 2, 'limit 1 shadow': 3 })
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
