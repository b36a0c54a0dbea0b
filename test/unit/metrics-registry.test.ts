import { globSync, readFileSync } from 'node:fs'
import * as official from '@prometheus-io/client'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import * as promClient from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { attachRecorders, instrument, onRead, readGauges } from '../../src/runtime/server/core/instruments'
import { METRICS } from '../../src/runtime/server/core/metric-definitions'
import { writeMetrics } from '../../src/runtime/server/metrics/exposition'
import { sendToOpenTelemetry } from '../../src/runtime/server/metrics/open-telemetry'
import { registerInClient, writeClientMetrics } from '../../src/runtime/server/metrics/prometheus-client'
import type { MetricRegistry } from '../../src/runtime/server/metrics/registry'
import { createMetricRegistry, prometheusName } from '../../src/runtime/server/metrics/registry'

const LIMITS = { maxSeries: 200, routes: 100, names: 50, queues: 100 }

function attach(): MetricRegistry {
  const registry = createMetricRegistry(METRICS, LIMITS)
  attachRecorders(name => registry.metrics.get(name))
  return registry
}

async function textOf({ metrics }: MetricRegistry, options = {}): Promise<string> {
  let text = ''
  await writeMetrics(metrics.values(), part => text += part, options)
  return text
}

afterEach(() => attachRecorders(undefined))

describe('an instrument', () => {
  it('does nothing without scale.metrics, and records as soon as it is attached, also through a handle from before', () => {
    const requests = instrument('scale.cache.requests')
    const hit = requests.bind('function', 'products', 'l1_hit')
    hit.record(1)
    requests.record(1, 'function', 'products', 'miss')
    expect(requests.enabled).toBe(false)
    const registry = attach()
    expect(requests.enabled).toBe(true)
    hit.record(1)
    hit.record(2)
    requests.record(1, 'function', 'products', 'miss')
    expect(registry.metrics.get('scale.cache.requests')!.all).toMatchObject([
      { labels: ['function', 'products', 'l1_hit'], value: 3 },
      { labels: ['function', 'products', 'miss'], value: 1 },
    ])
  })

  it('sets a gauge when it is read, and one reader that throws stops no other', () => {
    const registry = attach()
    const errors: unknown[] = []
    const stops = [
      onRead(() => {
        throw new Error('away')
      }),
      onRead(() => instrument('scale.draining').record(1)),
    ]
    readGauges(error => errors.push(error))
    stops.forEach(stop => stop())
    expect(errors).toHaveLength(1)
    expect(registry.metrics.get('scale.draining')!.all).toMatchObject([{ value: 1 }])
  })

  it('allocates nothing for a series that exists', () => {
    attach()
    const requests = instrument('scale.cache.requests')
    const hit = requests.bind('function', 'products', 'l1_hit')
    const run = (times: number) => {
      for (let count = 0; count < times; count++) {
        hit.record(1)
        requests.record(1, 'route', 'home', 'miss')
      }
    }
    run(200_000)
    const before = process.memoryUsage().heapUsed
    run(1_000_000)
    // One object of 16 bytes a call would be 32 MB.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4_000_000)
  })
})

describe('the series of a metric', () => {
  it('stay within the limits under a million paths, and count what they drop', () => {
    const registry = attach()
    const durations = registry.metrics.get('http.server.request.duration')!
    for (let path = 0; path < 1_000_000; path++) durations.series(`/path/${path}`, 'GET', 200, '').record(0.01)
    expect(durations.all).toHaveLength(101)
    expect(durations.all.at(-1)).toMatchObject({ labels: ['_other', 'GET', 200, ''], count: 999_900 })
    expect(registry.metrics.get('scale.series.dropped')!.all).toMatchObject([
      { labels: ['http_server_request_duration_seconds'], value: 999_900 },
    ])
  })

  it('stay within the number of label sets, whatever labels vary', () => {
    const registry = attach()
    const durations = registry.metrics.get('http.server.request.duration')!
    for (let status = 0; status < 1000; status++) durations.series('/one', 'GET', status, '').record(1)
    expect(durations.all).toHaveLength(201)
    expect(durations.all.at(-1)).toMatchObject({ labels: ['_other', '_other', '_other', '_other'], count: 800 })
  })

  it('have 50 names for each surface of the cache', () => {
    const registry = attach()
    const requests = instrument('scale.cache.requests')
    for (const surface of ['function', 'handler']) {
      for (let name = 0; name < 60; name++) requests.record(1, surface, `name-${name}`, 'miss')
    }
    expect(registry.metrics.get('scale.cache.requests')!.all).toHaveLength(102)
  })
})

describe('the text', () => {
  it('is the one of Prometheus, with values escaped', async () => {
    const registry = attach()
    registry.metrics.get('http.server.request.duration')!.series('/a"b\\c\n', 'GET', 200, '').record(0.3)
    const text = await textOf(registry)
    const labels = String.raw`http_route="/a\"b\\c\n",http_request_method="GET",http_response_status_code="200"`
    expect(text).toContain('# TYPE http_server_request_duration_seconds histogram\n')
    expect(text).toContain(`http_server_request_duration_seconds_bucket{${labels},le="0.25"} 0\n`)
    expect(text).toContain(`http_server_request_duration_seconds_bucket{${labels},le="0.5"} 1\n`)
    expect(text).toContain(`http_server_request_duration_seconds_bucket{${labels},le="+Inf"} 1\n`)
    expect(text).toContain(`http_server_request_duration_seconds_sum{${labels}} 0.3\n`)
    expect(text).toContain(`http_server_request_duration_seconds_count{${labels}} 1\n`)
  })

  it('at the limit of every family is written in slices that do not block the event loop', async () => {
    const registry = attach()
    for (const metric of registry.metrics.values()) {
      const { labels } = metric.definition
      for (let index = 0; index < 200; index++) metric.series(...labels.map(() => `value-${index}`)).record(index / 10)
    }
    const scrape = async () => {
      const started = performance.now()
      let bytes = 0
      await writeMetrics(registry.metrics.values(), part => bytes += Buffer.byteLength(part))
      return { bytes, time: performance.now() - started }
    }
    const first = await scrape()
    expect(first.bytes).toBeGreaterThan(1_000_000)
    const times = []
    for (let repeat = 0; repeat < 30; repeat++) {
      for (const metric of registry.metrics.values()) metric.series(...metric.definition.labels.map(() => 'value-1')).record(1)
      times.push((await scrape()).time)
    }
    expect(Math.min(...times)).toBeLessThan(20)
  })

  it('gives the event loop a turn after each slice', async () => {
    const registry = attach()
    const requests = instrument('scale.cache.requests')
    for (let name = 0; name < 50; name++) requests.record(1, 'function', `name-${name}`, 'miss')
    let time = 0
    let turns = 0
    await writeMetrics(registry.metrics.values(), () => {}, { now: () => time += 5, turn: async () => void turns++ })
    expect(turns).toBe(2)
  })
})

describe('names', () => {
  it('follow the rules of Prometheus', () => {
    const { metrics } = createMetricRegistry(METRICS, LIMITS)
    const names = [...metrics.values()].map(metric => [metric.definition.type, prometheusName(metric)] as const)
    for (const [type, name] of names) {
      expect(name).toMatch(/^[a-z\d_]+$/)
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
    }
    expect(names.map(([, name]) => name)).toEqual(expect.arrayContaining([
      'http_server_request_duration_seconds', 'http_server_active_requests', 'scale_http_aborted_total', 'v8js_gc_duration_seconds',
      'scale_cache_requests_total', 'scale_cache_load_duration_seconds',
      'db_client_connection_count', 'db_client_connection_wait_time_seconds', 'messaging_client_sent_messages_total',
      'scale_messaging_delivery_lag_seconds', 'scale_health_check_status', 'scale_series_dropped_total',
    ]))
  })
})

describe.each([['prom-client', promClient], ['@prometheus-io/client', official as unknown as typeof promClient]])('%s', (_, { Registry, Counter, collectDefaultMetrics }) => {
  it('shows the metrics of the module in a registry of the app', async () => {
    const registry = attach()
    instrument('scale.cache.requests').record(2, 'function', 'products', 'miss')
    registry.metrics.get('http.server.request.duration')!.series('/', 'GET', 200, '').record(0.3)
    const client = new Registry()
    registerInClient(registry, client, () => instrument('scale.draining').record(1))
    const text = await client.metrics()
    expect(text).toContain('scale_cache_requests_total{surface="function",name="products",result="miss"} 2')
    expect(text).toMatch(/http_server_request_duration_seconds_bucket\{.*le="0.5".*\} 1/)
    expect(text).toMatch(/http_server_request_duration_seconds_count\{.*\} 1/)
    expect(text).toContain('scale_draining 1')
  })

  it('adds the metrics of the app, without names that exist or that promtool refuses', async () => {
    const client = new Registry()
    collectDefaultMetrics({ register: client })
    new Counter({ name: 'visits', help: 'Visits of "all"\nkinds.', labelNames: ['page'], registers: [client] }).inc({ page: 'a"b' }, 4)
    for (const openMetrics of [false, true]) {
      let text = ''
      await writeClientMetrics(client, new Set(['process_cpu_seconds_total']), part => text += part, openMetrics)
      expect(text).toContain(`visits${openMetrics ? '_total' : ''}{page="a\\"b"} 4\n`)
      expect(text).toContain('# HELP visits Visits of "all"\\nkinds.\n# TYPE visits counter\n')
      expect(text).not.toContain('process_cpu_seconds_total')
      expect(text).not.toMatch(/nodejs_active_\w+_total/)
    }
  })
})

describe('OpenTelemetry', () => {
  it('gets counters, gauges and histograms, with the names and labels of its conventions', async () => {
    const registry = attach()
    instrument('scale.cache.requests').record(2, 'function', 'products', 'miss')
    const durations = registry.metrics.get('http.server.request.duration')!
    durations.series('/before', 'GET', 200, '').record(1)
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ readers: [reader] })
    sendToOpenTelemetry(registry, provider, () => instrument('scale.draining').record(1))
    durations.series('/before', 'GET', 200, '').record(0.3)
    durations.series('/after', 'GET', 500, '500').record(0.3)
    await reader.forceFlush()
    const found = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
    const of = (name: string) => found.find(({ descriptor }) => descriptor.name === name)!
    expect(of('scale.cache.requests').dataPoints).toMatchObject([{ value: 2, attributes: { surface: 'function', name: 'products', result: 'miss' } }])
    expect(of('scale.draining').dataPoints).toMatchObject([{ value: 1 }])
    expect(of('http.server.request.duration').descriptor).toMatchObject({ unit: 's' })
    expect(of('http.server.request.duration').dataPoints).toMatchObject([
      { attributes: { 'http.route': '/before', 'http.request.method': 'GET', 'http.response.status_code': 200 }, value: { count: 1, buckets: { boundaries: [...METRICS['http.server.request.duration'].buckets] } } },
      { attributes: { 'http.route': '/after', 'error.type': '500' }, value: { count: 1 } },
    ])
    await provider.shutdown()
  })
})

it('every metric is recorded by the code, and has a row on the page of the metrics', () => {
  const page = readFileSync('docs/content/27.metrics.md', 'utf8')
  const table = page.split('| metric | type | labels | meaning |\n|---|---|---|---|\n')[1]!.split('\n\n')[0]!
  const { metrics } = createMetricRegistry(METRICS, LIMITS)
  const code = globSync('src/runtime/server/**/*.ts').filter(file => !file.endsWith('metric-definitions.ts')).map(file => readFileSync(file, 'utf8')).join('\n')
  expect([...metrics.keys()].filter(name => !code.includes(`'${name}'`))).toEqual([])
  expect(table.split('\n')).toEqual([...metrics.values()].map((metric) => {
    const labels = metric.definition.labels.map(label => `\`${label.replaceAll(/\W/g, '_')}\``).join(', ')
    return `| \`${prometheusName(metric)}\` | ${metric.definition.type} | ${labels} | ${metric.definition.help} |`
  }))
})
