import { spawnSync } from 'node:child_process'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requireBinary } from '../support/binaries'
import { freePort } from '../support/ports'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { waitFor } from '../support/wait'

const PATH = '/_scale/metrics'
const TOKEN = 'a-token-of-the-tests'
const headers = { 'x-tenant-id': 'main' }

let output: string
const instances: NuxtInstance[] = []

beforeAll(async () => {
  output = await buildFixture('test/fixtures/metrics')
})

afterAll(() => Promise.all(instances.map(instance => instance.kill())))

async function start(env: NodeJS.ProcessEnv = { NUXT_SCALE_METRICS_TOKEN: TOKEN }): Promise<NuxtInstance> {
  const instance = await startNuxt(output, { env: { DATABASE_URL: 'postgres://127.0.0.1/none', ...env } })
  instances.push(instance)
  return instance
}

async function scrape(app: NuxtInstance, accept = 'text/plain'): Promise<string> {
  const response = await app.fetch(PATH, { headers: { accept, authorization: `Bearer ${TOKEN}` } })
  expect(response.status).toBe(200)
  return response.text()
}

/** The numbers of requests, by `method route status` and with the error where there is one. */
async function counts(app: NuxtInstance): Promise<Record<string, number>> {
  const lines = (await scrape(app)).matchAll(/^http_server_request_duration_seconds_count\{(.*)\} (\d+)$/gm)
  return Object.fromEntries([...lines].map(([, labels, count]) => {
    const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels!)?.[1]
    const parts = [label('http_request_method'), label('http_route'), label('http_response_status_code') ?? '-', label('error_type')]
    return [parts.filter(part => part !== undefined).join(' '), Number(count)]
  }))
}

/** Sends a request with any method, and resolves when the response has ended or its connection closed. */
function send(app: NuxtInstance, method: string, path: string, abortAfter?: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = httpRequest({ host: '127.0.0.1', port: app.port, method, path, headers, agent: false }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    })
    request.on('error', () => resolve(undefined))
    if (abortAfter !== undefined) setTimeout(() => request.destroy(), abortAfter)
    request.end()
  })
}

describe('the metrics of requests', () => {
  it('count 5,000 mixed requests exactly once each, with their method, route and status', async () => {
    const app = await start()
    await send(app, 'GET', '/api/limited')
    // Path, the key under which it is counted, and milliseconds until the client leaves.
    const kinds: [string, string, string, number?][] = [
      ['GET', '/api/hello', 'GET /api/hello 200'],
      ['GET', '/api/items/ITEM?a=1', 'GET /api/items/:id 200'],
      ['POST', '/api/items/ITEM', 'POST /api/items/:id 200'],
      ['HEAD', '/api/items/ITEM', 'HEAD /api/items/:id 200'],
      ['PURGE', '/api/items/ITEM', '_OTHER /api/items/:id 200'],
      ['GET', '/api/broken', 'GET /api/broken 500 500'],
      ['GET', '/api/teapot', 'GET /api/teapot 418'],
      ['GET', '/api/cached', 'GET /api/cached 200'],
      ['GET', '/api/limited', 'GET /api/limited 429'],
      ['GET', '/api/internal', 'GET /api/internal 200'],
      ['GET', '/api/away', 'GET /api/away 302'],
      ['GET', '/api/unchanged', 'GET /api/unchanged 304'],
      ['GET', '/api/stream', 'GET /api/stream 200'],
      // The page renderer answers methods that the handler does not.
      ['DELETE', '/api/hello', 'DELETE /api/hello 404'],
      ['GET', '/robots.txt', 'GET _static 200'],
      ['GET', '/_nuxt/none.js', 'GET _static 404'],
      ['GET', '/old', 'GET /old 307'],
      ['GET', '/none/ITEM', 'GET _unmatched 404'],
      ['GET', '/products/ITEM', 'GET /products/:id 200'],
      ['GET', '/', 'GET / 200'],
      ['GET', '/broken', 'GET /broken 500 500'],
      ['GET', '/api/slow', 'GET /api/slow - aborted', 150],
    ]
    const expected: Record<string, number> = { 'GET /api/limited 200': 1 }
    const queue = Array.from({ length: 5000 }, (_, index) => ({ index, kind: kinds[index % kinds.length]! }))
    const wrong: string[] = []
    await Promise.all(Array.from({ length: 40 }, async () => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        const [method, path, key, abortAfter] = next.kind
        expected[key] = (expected[key] ?? 0) + 1
        const status = await send(app, method, path.replace('ITEM', String(next.index)), abortAfter)
        const wanted = key.split(' ')[2]!
        if (String(status ?? '-') !== wanted) wrong.push(`${key}: ${status}`)
      }
    }))
    expect([...new Set(wrong)]).toEqual([])
    await waitFor(async () => Object.values(await counts(app)).reduce((sum, count) => sum + count, 0) >= 5001)
    expect(await counts(app)).toEqual(expected)
    const text = await scrape(app)
    expect(text).toMatch(new RegExp(`^scale_http_aborted_total\\{http_route="/api/slow"\\} ${expected['GET /api/slow - aborted']}$`, 'm'))
    await waitFor(async () => /^http_server_active_requests\{http_request_method="GET"\} 0$/m.test(await scrape(app)))
  }, 300_000)

  it('have one series for 20,000 paths that no route has', async () => {
    const app = await start()
    let next = 0
    await Promise.all(Array.from({ length: 50 }, async () => {
      while (next < 20_000) await send(app, 'GET', `/api/unknown/${next++}`)
    }))
    await waitFor(async () => (await counts(app))['GET _unmatched 404'] === 20_000)
    expect(Object.keys(await counts(app))).toEqual(['GET _unmatched 404'])
  }, 300_000)
})

describe('the route of the metrics', () => {
  it('needs the token, but no tenant, is not limited, and does not count itself', async () => {
    const app = await start()
    const ask = async (authorization?: string, method = 'GET') =>
      (await app.fetch(PATH, { method, headers: authorization === undefined ? {} : { authorization } })).status
    expect(await ask()).toBe(401)
    expect(await ask('Bearer wrong')).toBe(401)
    expect(await ask(`Basic ${TOKEN}`)).toBe(401)
    for (let scrapes = 0; scrapes < 5; scrapes++) expect(await ask(`Bearer ${TOKEN}`)).toBe(200)
    expect(await ask(`Bearer ${TOKEN}`, 'HEAD')).toBe(200)
    expect(await ask(`Bearer ${TOKEN}`, 'POST')).toBe(405)
    const response = await app.fetch(`${PATH}?x=1`, { headers: { authorization: `Bearer ${TOKEN}` } })
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('ratelimit')).toBeNull()
    expect(await counts(app)).toEqual({})
    expect(app.logs().join('\n')).not.toContain(TOKEN)
  })

  it('is closed in production without a token, and says so at the start', async () => {
    const app = await start({})
    expect((await app.fetch(PATH)).status).toBe(404)
    await app.logged('NUXT_SCALE_METRICS_TOKEN')
  })

  it('moves to a port of its own, on the loopback address, which closes at the shutdown', async () => {
    const port = await freePort()
    const app = await start({ NUXT_SCALE_METRICS_PORT: String(port), NUXT_SCALE_SHUTDOWN_DRAIN_DELAY: '0' })
    const address = `http://127.0.0.1:${port}`
    expect((await app.fetch(PATH)).status).toBe(404)
    const response = await fetch(`${address}${PATH}`)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('process_resident_memory_bytes ')
    expect((await fetch(`${address}/`)).status).toBe(404)
    expect((await app.stop()).code).toBe(0)
    await expect(fetch(`${address}${PATH}`)).rejects.toThrow()
  })

  it('has the metrics of the app and of its prom-client, no name twice, and nothing that promtool refuses', async () => {
    const app = await start()
    for (const path of ['/api/hello', '/api/cached', '/api/broken', '/products/1']) await app.fetch(path, { headers })
    const text = await scrape(app)
    expect(text).toMatch(/^shop_orders_total\{plan="pro"\} 3$/m)
    expect(text).toMatch(/^shop_visits_total 7$/m)
    expect(text).toMatch(/^target_info\{service_name="fixture-metrics",.*role="all",nuxt="4[\d.]+",nitro="2[\d.]+",node="2[\d.]+"\} 1$/m)
    expect(text).not.toContain('nodejs_active_handles_total')
    const families = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
    expect(families.filter((name, index) => families.indexOf(name) !== index)).toEqual([])
    for (const name of ['nodejs_eventloop_lag_p99_seconds', 'nodejs_eventloop_utilization', 'process_cpu_seconds_total']) expect(families).toContain(name)
    const { status, stdout, stderr } = spawnSync(requireBinary('promtool'), ['check', 'metrics'], { input: text, encoding: 'utf8' })
    expect(`${stdout}${stderr}`).toBe('')
    expect(status).toBe(0)
  })

  it('speaks OpenMetrics, with the trace ids of sampled requests if exemplars are on', async () => {
    const app = await start({ NUXT_SCALE_METRICS_TOKEN: TOKEN, NUXT_SCALE_METRICS_EXEMPLARS: 'true' })
    const [sampled, other] = ['0af7651916cd43dd8448eb211c80319c', 'ffffffffffffffffffffffffffffffff']
    await app.fetch('/api/hello', { headers: { ...headers, traceparent: `00-${sampled}-b7ad6b7169203331-01` } })
    await app.fetch('/api/hello', { headers: { ...headers, traceparent: `00-${other}-b7ad6b7169203331-00` } })
    const text = await scrape(app, 'application/openmetrics-text; version=1.0.0')
    expect(text).toMatch(new RegExp(`^http_server_request_duration_seconds_bucket\\{.*\\} \\d # \\{trace_id="${sampled}"\\} [\\d.e-]+ \\d+\\.\\d+$`, 'm'))
    expect(text).not.toContain(other)
    expect(text).toMatch(/^# TYPE shop_orders counter$/m)
    expect(text.endsWith('# EOF\n')).toBe(true)
    expect(await scrape(app)).not.toContain(sampled)
  })
})
