import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from '../support/browser'
import type { HttpClient } from '../support/http-client'
import { createClient } from '../support/http-client'
import type { FrontServer } from '../support/front'
import { startNginx } from '../support/nginx'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { startGeneratedNginx } from '../support/topology'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { waitFor } from '../support/wait'

let output: string
let redis: RedisServer
let nginx: FrontServer
let instances: NuxtInstance[]
let clients: HttpClient[]
let proxy: HttpClient

beforeAll(async () => {
  output = await buildFixture('test/fixtures/edge')
  redis = await startRedis()
  // Counts are those of Redis: on a busy machine a page may hold an answer of it up for longer than the limiter waits by default.
  const env = { NUXT_SCALE_REDIS_URL: redis.url, NUXT_SCALE_HTTP_CDN: 'nginx', NUXT_SCALE_RATE_LIMIT_TIMEOUT: '5s' }
  instances = await Promise.all([1, 2].map(() => startNuxt(output, { env })))
  nginx = await startNginx(`
    location / {
      proxy_pass http://127.0.0.1:${instances[0]!.port};
      proxy_set_header Host $host;
      proxy_cache pages;
      proxy_cache_key $host$request_uri;
      add_header x-cache $upstream_cache_status;
    }`)
  clients = instances.map(({ port }) => createClient(port))
  proxy = createClient(nginx.port)
  await waitFor(async () => (await (await instances[0]!.fetch('/api/health')).json()).status === 'ok')
})

afterAll(async () => {
  for (const client of [...clients ?? [], proxy]) client?.close()
  await nginx?.stop()
  await Promise.all(instances?.map(instance => instance.stop()) ?? [])
  await redis?.stop()
})

/** A caller nobody has been before. */
let callers = 0
const caller = () => `203.0.113.${++callers}`

/** Statuses of so many requests, dealt out to both instances. */
async function ask(count: number, path: string, headers: Record<string, string | string[]>, method = 'GET'): Promise<number[]> {
  const statuses: number[] = []
  for (let index = 0; index < count; index++) statuses.push((await clients[index % 2]!.request(path, { method, headers })).status)
  return statuses
}

const passed = (statuses: number[]) => statuses.filter(status => status === 200).length

describe('a rate limit', () => {
  it('is one over both instances, and says what is left', async () => {
    const headers = { 'x-forwarded-for': caller() }
    const first = await clients[0]!.request('/api/limited/hello', { headers })
    expect(first.headers.ratelimit).toBe('"/api/limited/**";r=4;t=720')
    expect(first.headers['ratelimit-policy']).toBe('"/api/limited/**";q=5;w=3600')
    expect(passed(await ask(20, '/api/limited/hello', headers))).toBe(4)
    const denied = await clients[1]!.request('/api/limited/hello', { headers })
    expect(denied.status).toBe(429)
    expect(Number(denied.headers['retry-after'])).toBeGreaterThan(700)
    expect(denied.headers['cache-control']).toMatch(/no-store/)
    expect(JSON.parse(denied.body)).toEqual({
      error: true,
      statusCode: 429,
      statusMessage: 'Too Many Requests',
      message: `Too many requests: try again in ${denied.headers['retry-after']} s.`,
      data: { code: 'RATE_LIMITED' },
    })
  })

  it('counts no request of the server to itself', async () => {
    const headers = { 'x-forwarded-for': caller() }
    expect((await clients[0]!.request('/api/inner', { headers })).body).toBe('20')
    expect((await clients[0]!.request('/', { headers })).body).toContain('world')
    expect(passed(await ask(10, '/api/limited/hello', headers))).toBe(5)
  })

  it.each([
    ['forged addresses in front', (client: string, index: number) => ({ 'x-forwarded-for': `198.51.100.${index}, ${client}` })],
    ['forged headers in front', (client: string, index: number) => ({ 'x-forwarded-for': [`198.51.100.${index}`, client] })],
    ['inner proxies behind', (client: string, index: number) => ({ 'x-forwarded-for': `${client}, 10.0.0.${index}` })],
    ['the IPv6 form of IPv4', (client: string, index: number) => ({ 'x-forwarded-for': index % 2 ? client : `::ffff:${client}` })],
    ['other forwarding headers', (client: string, index: number) => ({ 'x-forwarded-for': client, 'x-real-ip': `198.51.100.${index}`, 'forwarded': `for=198.51.100.${index}`, 'cf-connecting-ip': `198.51.100.${index}` })],
  ])('has one bucket for a caller with %s', async (_, headersOf) => {
    const client = caller()
    const statuses: number[] = []
    for (let index = 0; index < 12; index++) statuses.push(...await ask(1, '/api/limited/hello', headersOf(client, index)))
    expect(passed(statuses)).toBe(5)
  })

  it('has one bucket for all of an IPv6 network, and another for the next', async () => {
    const statuses = await Promise.all(Array.from({ length: 12 }, (_, index) => ask(1, '/api/limited/hello', { 'x-forwarded-for': `2001:db8:1:2:${index}::7` })))
    expect(passed(statuses.flat())).toBe(5)
    expect(passed(await ask(1, '/api/limited/hello', { 'x-forwarded-for': '2001:db8:1:3::7' }))).toBe(1)
  })

  it('follows the most specific rule, its methods and its key', async () => {
    const headers = { 'x-forwarded-for': caller() }
    expect(passed(await ask(12, '/api/limited/free', headers))).toBe(12)
    expect(passed(await ask(12, '/api/limited/tried', headers))).toBe(12)
    expect(passed(await ask(5, '/api/limited/written', headers))).toBe(5)
    expect(passed(await ask(5, '/api/limited/written', headers, 'POST'))).toBe(1)
    expect(passed(await ask(5, '/api/limited/mine', { ...headers, 'x-user': 'ada' }))).toBe(2)
    expect(passed(await ask(5, '/api/limited/mine', { 'x-forwarded-for': caller(), 'x-user': 'ada' }))).toBe(0)
    expect(passed(await ask(5, '/api/limited/mine', { ...headers, 'x-user': 'eve' }))).toBe(2)
  })

  it('can be a handler\'s own', async () => {
    const login = (index: number, email: string) => instances[index % 2]!.fetch('/api/login', { method: 'POST', body: JSON.stringify({ email }), headers: { 'content-type': 'application/json' } })
    const answers = []
    for (let index = 0; index < 6; index++) answers.push(await login(index, 'ada@example.com'))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429, 429])
    expect(await answers[0]!.json()).toEqual({ remaining: 2 })
    expect(Number(answers[3]!.headers.get('retry-after'))).toBeGreaterThan(290)
    expect((await login(0, 'eve@example.com')).status).toBe(200)
    expect((await redis.client().keys('*')).join()).not.toContain('example.com')
  })
})

describe('other spellings of a path', () => {
  it.each([
    ['/api/limited', ['/api/limited/', '/api/%6cimited', '/%61pi/limited', '//api/limited', '/api//limited', '/api/./limited', '/api/limited%3F', '/api/%256cimited'], 5],
    ['/login', ['/LOGIN', '/login/', '/Login', '/%6Cogin', '/LOGIN/', '/login%3F', '//login'], 3],
    ['/admin/7', ['/ADMIN/7', '/admin/7/', '/Admin/%37', '/%61dmin/x', '/admin//7', '/x/../admin/7'], 3],
  ])('find the exhausted limit of %s', async (path, spellings, limit) => {
    const headers = { 'x-forwarded-for': caller() }
    expect(passed(await ask(limit + 3, path, headers))).toBe(limit)
    for (const spelling of spellings) expect([spelling, ...await ask(6, spelling, headers)]).toEqual([spelling, ...Array.from({ length: 6 }, () => 429)])
  })

  it.each([
    ['/api/realtime/now', ['/%61pi/realtime/now', '/api/%72ealtime/now', '/api/realtime/now/', '/api/realtime%2Fnow', '/api/x/../realtime/now'], 'no-store'],
    ['/api/me', ['/%61pi/me', '/api/%6De', '/api/me/', '/api/me%3F'], 'private, max-age=60'],
    ['/admin/7', ['/ADMIN/7', '/Admin/7/', '/%41dmin/7', '/admin%2F7'], 'no-store'],
    ['/robots.txt', ['/%72obots.txt', '/robots.txt/'], 'public, max-age=3600'],
  ])('have the cache class of %s', async (path, spellings, cacheControl) => {
    const classes = [path, ...spellings].map(async spelling => [spelling, (await clients[0]!.request(spelling, { headers: { 'x-forwarded-for': caller() } })).headers['cache-control']])
    expect(await Promise.all(classes)).toEqual([path, ...spellings].map(spelling => [spelling, cacheControl]))
  })

  it('give nobody the answer of another through the generated nginx', async () => {
    const front = await startGeneratedNginx([instances[0]!.port], { deploy: { cache: { shared: ['/api/shared/**'] } } })
    const client = createClient(front.port)
    try {
      const paths = ['/api/me', '/%61pi/me', '/api/%6de', '/api/me/', '/api//me', '/api/./me', '/api/me%3F', '/x/../api/me']
      for (const path of paths) {
        for (const user of ['ada', 'eve', 'bob']) {
          const { status, body, headers } = await client.request(path, { headers: { 'x-user': user, 'x-forwarded-for': caller() } })
          expect([path, headers['x-cache-status']]).not.toEqual([path, 'HIT'])
          if (status === 200 && body.includes('"user"')) expect(JSON.parse(body)).toMatchObject({ user })
        }
      }
    }
    finally {
      client.close()
      await front.stop()
    }
  })

  it('share the key of a cached route', async () => {
    const read = async (path: string) => (await clients[0]!.request(path)).body
    const first = await read('/api/cached')
    expect(await Promise.all(['/%61pi/cached', '/api/c%61ched', '/api/%63ached?'].map(read))).toEqual([first, first, first])
  })
})

describe('cache headers', () => {
  const headersOf = async (path: string, headers: Record<string, string> = {}) => (await clients[0]!.request(path, { headers: { 'x-forwarded-for': caller(), ...headers } })).headers

  it('are those of the rules', async () => {
    expect((await headersOf('/'))['cache-control']).toBe('public, max-age=0, s-maxage=300, stale-while-revalidate=300, must-revalidate')
    expect((await headersOf('/'))['x-accel-expires']).toBe('300')
    expect((await headersOf('/api/plain'))['cache-control']).toBe('private, max-age=60')
    expect((await headersOf('/api/static/list'))['cache-control']).toBe('public, max-age=3600')
    expect((await headersOf('/api/static/list')).vary).toBe('x-tenant-id, accept-language')
    expect((await headersOf('/api/realtime/now'))['cache-control']).toBe('no-store')
    expect((await headersOf('/robots.txt'))['cache-control']).toBe('public, max-age=3600')
    const cached = 'public, max-age=0, s-maxage=60, stale-while-revalidate=86400, must-revalidate'
    expect((await headersOf('/api/cached'))['cache-control']).toBe(cached)
  })

  it('let build files be kept for ever, and nothing that is not there', async () => {
    const { body } = await clients[0]!.request('/')
    const file = /\/_nuxt\/[\w-]+\.js/.exec(body)![0]
    expect((await headersOf(file))['cache-control']).toBe('public, max-age=31536000, immutable')
    expect((await headersOf('/_nuxt/gone.js'))['cache-control']).toBe('private, no-store')
    expect((await headersOf('/assets/gone.png'))['cache-control']).toBe('private, no-store')
    expect((await headersOf('/api/fails'))['cache-control']).toBe('private, no-store')
  })

  it('let a real cache in front give nobody what belongs to another', async () => {
    const foreign: string[] = []
    let hits = 0
    const visit = async (index: number) => {
      const host = index % 2 ? 'a.example' : 'b.example'
      const user = `user-${index}`
      const kinds = [{ cookie: `session=${user}` }, { authorization: user }, { 'x-api-key': user }, {}] as Record<string, string>[]
      const kind = index % 5
      const { body, headers } = kind === 4
        ? await proxy.request(`/api/shared/visitor?fresh=${user}`, { headers: { host } })
        : await proxy.request('/api/shared/visitor', { headers: { host, ...kinds[kind] } })
      hits += Number(headers['x-cache'] === 'HIT')
      const answer = JSON.parse(body) as { visitor: string, host: string }
      const mine = [user, `session=${user}`]
      // A copy of what nobody in particular was told is for everybody.
      if (!mine.includes(answer.visitor) && answer.visitor !== 'nobody') foreign.push(`${user} got ${body}`)
      if (answer.host !== host) foreign.push(`${host} got ${body}`)
    }
    for (let index = 0; index < 2000; index += 20) await Promise.all(Array.from({ length: 20 }, (_, at) => visit(index + at)))
    expect(foreign).toEqual([])
    expect(hits).toBeGreaterThan(500)
  })
})

describe('a conditional request', () => {
  const get = (path: string, headers: Record<string, string> = {}) => clients[0]!.request(path, { headers })

  it.each(['/api/static/list', '/robots.txt', '/api/cached'])('to %s is answered as RFC 9110 says, with the headers of the 200', async (path) => {
    const whole = await get(path)
    const { etag } = whole.headers
    expect(etag).toBeTruthy()
    const opaque = etag!.replace(/^W\//, '')
    for (const condition of [etag!, opaque, `W/${opaque}`, `"other", ${etag}`, '*']) {
      const spared = await get(path, { 'if-none-match': condition })
      expect([condition, spared.status, spared.body]).toEqual([condition, 304, ''])
      for (const name of ['etag', 'cache-control', 'vary', 'last-modified'] as const) expect([name, spared.headers[name]]).toEqual([name, whole.headers[name]])
    }
    const future = new Date(Date.now() + 86_400_000).toUTCString()
    expect((await get(path, { 'if-none-match': '"other"', 'if-modified-since': future })).status).toBe(200)
    expect((await get(path, { 'if-none-match': '"other", "another"' })).body).toBe(whole.body)
  })

  it('to what must not be stored has nothing to compare', async () => {
    expect((await get('/api/fails')).headers.etag).toBeUndefined()
    expect((await get('/api/plain')).headers.etag).toBeTruthy()
  })
})

describe('a browser', () => {
  it('shows each change of a cached route with its next request, and asks for the rest with a condition', async () => {
    const chromium = await startBrowser()
    try {
      const { page } = await chromium.openPage(`http://127.0.0.1:${instances[0]!.port}/robots.txt`)
      /** The version that a script of the page gets, and the bytes that came for it: 300 stands for a 304, 0 for no request at all. */
      const read = () => page.evaluate(async () => {
        performance.clearResourceTimings()
        const { version } = await (await fetch('/api/catalog/browsed')).json() as { version: string }
        const [timing] = performance.getEntriesByType('resource') as PerformanceResourceTiming[]
        return [version, timing!.transferSize]
      })
      for (let version = 1; version <= 5; version++) {
        await redis.client().set('version:main:browsed', version)
        const headers = { 'content-type': 'application/json' }
        await instances[0]!.fetch('/api/invalidate', { method: 'POST', headers, body: JSON.stringify({ tags: ['item browsed'] }) })
        const [first, size] = await read()
        expect([first, Number(size) > 300]).toEqual([`main ${version}`, true])
        expect(await read()).toEqual([`main ${version}`, 300])
      }
    }
    finally {
      await chromium.close()
    }
  })
})

describe('the built server', () => {
  it('has private fields, and not a WeakMap for each of them', () => {
    const code = readFileSync(`${output}/server/chunks/nitro/nitro.mjs`, 'utf8')
    expect(code).toMatch(/\bthis\.#\w+/)
    expect(code).not.toMatch(/__private(?:Get|Set|Add)\b/)
  })
})
