import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { createApp, createError, createEvent, createRouter, sendStream, setResponseStatus, splitCookiesString, toNodeListener } from 'h3'
import type { EventHandler, H3Event } from 'h3'
import { afterEach, describe, expect, it } from 'vitest'
import { createCacheEngine } from '../../src/runtime/server/cache/create'
import { createCachedFunction } from '../../src/runtime/server/cache/nitro/function'
import { createCachedEventHandler } from '../../src/runtime/server/cache/nitro/handler'
import type { NitroCacheHost } from '../../src/runtime/server/cache/nitro/host'
import { addEventCacheTags } from '../../src/runtime/server/cache/nitro/tags'
import { responseSerializer } from '../../src/runtime/server/cache/nitro/response'
import type { CachedRouteOptions } from '../../src/runtime/server/cache/nitro/types'
import { responseTagsOf } from '../../src/runtime/server/cache/response-tags'
import { cacheSettings } from '../../src/runtime/server/cache/settings'
import type { CacheEngine } from '../../src/runtime/server/cache/types'
import { waitFor } from '../support/wait'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(close => close()))
})

interface TestHost extends NitroCacheHost {
  cache: CacheEngine
  errors: Error[]
  warnings: unknown[]
  /** Turns the clock of the cache forward, in ms. */
  skip: (milliseconds: number) => void
}

function createHost(): TestHost {
  const warnings: unknown[] = []
  const log = { info: () => {}, warn: (...message: unknown[]) => void warnings.push(...message), error: (...message: unknown[]) => void warnings.push(...message) }
  let skipped = 0
  const clock = { now: () => performance.now() + skipped, wall: () => Date.now() + skipped }
  const cache = createCacheEngine({ settings: cacheSettings.resolveGiven({ jitter: 0 }), log, development: true, clock })
  const errors: Error[] = []
  open.push(() => cache.close())
  return {
    cache,
    errors,
    warnings,
    skip: milliseconds => void (skipped += milliseconds),
    engine: () => cache,
    settings: () => ({ debugHeaders: true, staleMaxAge: 86_400, maxBodySize: 1000 }),
    buildId: () => 'build-1',
    captureError: error => void errors.push(error),
    createEvent,
    splitCookies: splitCookiesString,
  }
}

interface Server {
  host: TestHost
  request: (path: string, init?: RequestInit) => Promise<Response>
  /** How often a handler ran. */
  runs: () => number
}

/** A real server of h3 with cached handlers on their routes. */
async function serve(routes: Record<string, [EventHandler, CachedRouteOptions?]>, { pageRoutes = [] as string[], onRequest = (_event: H3Event) => {} } = {}): Promise<Server> {
  const host = createHost()
  let runs = 0
  const app = createApp({ onRequest })
  const router = createRouter()
  for (const [path, [handler, options = {}]] of Object.entries(routes)) {
    router.use(path, createCachedEventHandler((event) => {
      runs++
      return handler(event) as unknown
    }, { maxAge: 60, name: undefined, ...options }, host, { pageRoutes }))
  }
  app.use(router)
  const server = createServer(toNodeListener(app)).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  open.push(() => new Promise((resolve) => {
    server.close(resolve)
    server.closeAllConnections()
  }))
  const { port } = server.address() as AddressInfo
  return { host, runs: () => runs, request: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init) }
}

const source = (response: Response) => /^nuxt-scale; (?:hit|fwd=miss); detail=(\w+)$/.exec(response.headers.get('cache-status') ?? '')?.[1] ?? null

describe('a background refresh that fails', () => {
  /** Turns each call after the first into a failure. */
  const failsLater = () => {
    let calls = 0
    return () => {
      if (calls++ > 0) throw new Error('the database is down')
      return 'old'
    }
  }

  it('of a handler or a function logs one line with its key, and Nitro hears the error', async () => {
    const { host, request } = await serve({ '/a': [failsLater(), { maxAge: 0.02 }] })
    const call = createCachedFunction(failsLater(), { name: 'prices', maxAge: 0.02 }, host)
    expect([await (await request('/a')).text(), await call()]).toEqual(['old', 'old'])
    await new Promise(resolve => setTimeout(resolve, 40))
    for (let again = 0; again < 3; again++) expect([await (await request('/a')).text(), await call()]).toEqual(['old', 'old'])
    await waitFor(() => host.errors.length === 2)
    expect(host.errors.map(({ message }) => message)).toEqual(['the database is down', 'the database is down'])
    expect(host.warnings.filter(line => /^Refreshing the cache key "(?:route:\/a|function:prices:)" failed/.test(String(line)))).toHaveLength(2)
  })
})

describe('bodies', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
  const cases: Record<string, [EventHandler, expected: Uint8Array | string, type: string | null]> = {
    object: [() => ({ name: 'Чай' }), '{"name":"Чай"}', 'application/json'],
    text: [() => '<p>Чай</p>', '<p>Чай</p>', 'text/html'],
    number: [() => 0, '0', 'application/json'],
    false: [() => false, 'false', 'application/json'],
    bytes: [() => bytes, bytes, null],
    buffer: [() => Buffer.from(bytes), bytes, null],
    arrayBuffer: [() => bytes.buffer, bytes, null],
    blob: [() => new Blob([bytes], { type: 'image/png' }), bytes, 'image/png'],
    webStream: [() => new Blob([bytes]).stream(), bytes, null],
    nodeStream: [() => Readable.from([Buffer.from(bytes.slice(0, 100)), Buffer.from(bytes.slice(100))]), bytes, null],
    response: [() => new Response(bytes, { headers: { 'content-type': 'image/gif' } }), bytes, 'image/gif'],
    sentStream: [event => sendStream(event, new Blob([bytes]).stream()), bytes, null],
    writes: [(event) => {
      const { res } = event.node
      res.write(Buffer.from(bytes.slice(0, 3)))
      res.write(Buffer.from(bytes.slice(3, 5)))
      res.end(Buffer.from(bytes.slice(5)))
    }, bytes, null],
    pipe: [async (event) => {
      Readable.from([Buffer.from(bytes)]).pipe(event.node.res)
      await finished(event.node.res)
    }, bytes, null],
  }

  it.each(Object.entries(cases))('%s: a hit is what the miss was', async (_, [handler, expected, type]) => {
    const { request, runs, host } = await serve({ '/a': [handler] })
    const miss = await request('/a')
    const hit = await request('/a')
    expect([source(miss), source(hit)]).toEqual(['loader', 'l1'])
    for (const response of [miss, hit]) {
      expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(expected as string))
      expect(response.headers.get('content-type')).toBe(type)
    }
    expect(runs()).toBe(1)
    expect(host.warnings).toEqual([])
  })

  it('null is a 204, which is stored where its handler says for how long', async () => {
    const { request, runs } = await serve({ '/a': [() => null], '/b': [(event) => {
      event.node.res.setHeader('cache-control', 's-maxage=9')
      return null
    }] })
    for (const [path, expected] of [['/a', 2], ['/b', 3]] as const) {
      expect([(await request(path)).status, (await request(path)).status, runs()]).toEqual([204, 204, expected])
    }
  })

  it('nothing at all leaves the request to the next handler', async () => {
    const { request, runs } = await serve({ '/a': [() => undefined] })
    expect((await request('/a')).status).toBe(404)
    expect((await request('/a')).status).toBe(404)
    expect(runs()).toBe(2)
  })

  it.each<[string, EventHandler]>([
    ['a stream', () => Readable.from(Array.from({ length: 40 }, (_, index) => Buffer.alloc(100, index)))],
    ['writes', event => sendStream(event, Readable.from(Array.from({ length: 40 }, (_, index) => Buffer.alloc(100, index))))],
    ['bytes', () => Buffer.concat(Array.from({ length: 40 }, (_, index) => Buffer.alloc(100, index)))],
  ])('%s over the limit is delivered whole and not stored', async (_, handler) => {
    const { request, host } = await serve({ '/a': [handler] })
    for (let turn = 0; turn < 2; turn++) {
      const response = await request('/a')
      expect(source(response)).toBe('uncacheable')
      expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.concat(Array.from({ length: 40 }, (_, index) => Buffer.alloc(100, index))))
    }
    expect(await host.cache.keys('*')).toEqual([])
  })
})

describe('what is not stored', () => {
  it.each<[string, EventHandler]>([
    ['a status from 400', (event) => {
      setResponseStatus(event, 404)
      return 'none'
    }],
    ['a cookie', (event) => {
      event.node.res.appendHeader('Set-Cookie', 'session=1')
      return 'a'
    }],
    ['Cache-Control: private', (event) => {
      event.node.res.setHeader('Cache-Control', 'private')
      return 'a'
    }],
    ...['max-age=0', 'public, max-age=0, must-revalidate', 's-maxage=0', 'max-age=60, s-maxage=0', 'S-MaxAge="0"', 'max-age=soon'].map(
      (cacheControl): [string, EventHandler] => [`Cache-Control: ${cacheControl}`, (event) => {
        event.node.res.setHeader('Cache-Control', cacheControl)
        return 'a'
      }],
    ),
    ['Expires that is over', (event) => {
      event.node.res.setHeader('Expires', '0')
      return 'a'
    }],
    ['an Age over its lifetime', (event) => {
      event.node.res.setHeader('Cache-Control', 'max-age=60')
      event.node.res.setHeader('Age', '61')
      return 'a'
    }],
    ...[201, 202, 206, 300, 302, 303, 307].map((status): [string, EventHandler] => [`a status ${status} without a lifetime`, (event) => {
      setResponseStatus(event, status)
      return 'a'
    }]),
    ['Vary on a header that is not listed', (event) => {
      event.node.res.setHeader('Vary', 'Cookie')
      return 'a'
    }],
  ])('%s', async (_, handler) => {
    const { request, runs, host } = await serve({ '/a': [handler] })
    await request('/a')
    const second = await request('/a')
    expect(source(second)).toBe('uncacheable')
    expect(second.headers.get('etag')).toBeNull()
    expect(runs()).toBe(2)
    expect(await host.cache.keys('*')).toEqual([])
  })

  it.each([200, 203, 301, 308])('except a status %i, which is', async (status) => {
    const { request, runs } = await serve({ '/a': [(event) => {
      setResponseStatus(event, status)
      return 'a'
    }] })
    for (let turn = 0; turn < 2; turn++) expect((await request('/a', { redirect: 'manual' })).status).toBe(status)
    expect(runs()).toBe(1)
  })

  it.each([201, 204, 302, 307])('except a status %i that says for how long it may be', async (status) => {
    const { request, runs } = await serve({ '/a': [(event) => {
      event.node.res.setHeader('cache-control', 'max-age=0, s-maxage=60')
      setResponseStatus(event, status)
      return status === 204 ? null : 'a'
    }] })
    for (let turn = 0; turn < 2; turn++) expect((await request('/a', { redirect: 'manual' })).status).toBe(status)
    expect(runs()).toBe(1)
  })

  it('everybody gets a cookie of his own, and nobody waits for another', async () => {
    let count = 0
    let running = 0
    let letGo = () => {}
    const all = new Promise<void>(resolve => letGo = resolve)
    const { request } = await serve({ '/a': [async (event) => {
      event.node.res.setHeader('set-cookie', [`session=${++count}`, 'theme=dark'])
      // Ends only when all of them run at once.
      if (++running === 10) letGo()
      await all
      return 'a'
    }] })
    const responses = await Promise.all(Array.from({ length: 10 }, () => request('/a')))
    const cookies = responses.map(response => response.headers.getSetCookie())
    expect(new Set(cookies.map(([session]) => session)).size).toBe(10)
    expect(cookies.every(([, theme]) => theme === 'theme=dark')).toBe(true)
  })

  it.each<[string, CachedRouteOptions, RequestInit?]>([
    ['a POST', {}, { method: 'POST' }],
    ['a range', {}, { headers: { range: 'bytes=0-1' } }],
    ['a cookie of bypass', { bypass: { cookies: ['session'] } }, { headers: { cookie: 'a=1; session=x' } }],
    ['a header of bypass', { bypass: { headers: ['Authorization'] } }, { headers: { authorization: 'x' } }],
    ['what bypass says', { bypass: () => true }],
    ['what shouldBypassCache says', { shouldBypassCache: () => true }],
    ['maxAge 0', { maxAge: 0 }],
  ])('%s goes past the cache', async (_, options, init) => {
    const { request, runs, host } = await serve({ '/a': [() => 'a', options] })
    await request('/a', init)
    const second = await request('/a', init)
    expect(source(second)).toBeNull()
    expect(runs()).toBe(2)
    expect(await host.cache.keys('*')).toEqual([])
  })

  it('a cookie of another name does not bypass', async () => {
    const { request, runs } = await serve({ '/a': [() => 'a', { bypass: { cookies: ['session'] } }] })
    await request('/a', { headers: { cookie: 'mysession=x; other' } })
    await request('/a', { headers: { cookie: 'xsession=x' } })
    expect(runs()).toBe(1)
  })
})

describe('keys', () => {
  it('are the path and the sorted query', async () => {
    const { request, runs, host } = await serve({ '/a/:id': [() => 'a'] })
    await request('/a/1?y=2&x=1')
    await request('/a/1?x=1&y=2')
    expect(runs()).toBe(1)
    expect(await host.cache.keys('*')).toEqual(['route:/a/1?x=1&y=2'])
  })

  it('hold varied headers, which alone the handler sees', async () => {
    const seen: unknown[] = []
    const { request, runs, host } = await serve({ '/a': [(event) => {
      seen.push({ ...event.node.req.headers }, event.node.req.rawHeaders)
      return event.headers.get('x-plan')
    }, { varies: ['X-Plan'], getKey: event => event.path }] })
    const first = await request('/a', { headers: { 'x-plan': 'free', 'cookie': 'a=1' } })
    const second = await request('/a', { headers: { 'x-plan': 'paid' } })
    expect([await first.text(), await second.text(), first.headers.get('vary')]).toEqual(['free', 'paid', 'x-plan'])
    expect(seen[0]).toEqual({ 'x-plan': 'free' })
    expect(seen[1]).toEqual(['x-plan', 'free'])
    expect(runs()).toBe(2)
    expect((await host.cache.keys('*')).sort()).toEqual(['route:/a#x-plan=free;key=/a', 'route:/a#x-plan=paid;key=/a'])
  })

  it('leave out query names that are not allowed, and so does what the handler sees', async () => {
    const { request, runs, host } = await serve({ '/a': [event => [event.path, event.node.req.url], { allowQuery: ['page'] }] })
    const first = await request('/a?utm_source=x&page=1')
    await request('/a?page=1&utm_source=y')
    expect(await first.json()).toEqual(['/a?page=1', '/a?page=1'])
    expect(runs()).toBe(1)
    expect(await host.cache.keys('*')).toEqual(['route:/a?page=1'])
  })

  it('that getKey made are taken as they are', async () => {
    const { request, runs, host } = await serve({ '/price': [event => event.path, { name: 'price', getKey: event => decodeURIComponent(event.path.split('=')[1]!) }] })
    await request('/price?x=1234%7C56')
    await request('/price?x=12%7C3456')
    expect(runs()).toBe(2)
    expect((await host.cache.keys('*')).sort()).toEqual(['route:price:1234|56', 'route:price:12|3456'].sort())
  })

  it('of two handlers with one custom key stay apart', async () => {
    const { request } = await serve({ '/a': [() => 'a', { getKey: () => 'x' }], '/b': [() => 'b', { getKey: () => 'x' }] })
    expect([await (await request('/a')).text(), await (await request('/b')).text()]).toEqual(['a', 'b'])
  })

  it('of a cached handler within another one stay apart', async () => {
    const host = createHost()
    const inner = createCachedEventHandler(() => 'inner', { maxAge: 60 }, host)
    const { request, host: outer } = await serve({ '/nested': [async event => `outer ${String(await inner(event))}`] })
    host.engine = outer.engine
    // The inner handler sends its own headers and gives its body to the outer one.
    expect(await (await request('/nested')).text()).toBe('outer inner')
    expect(await outer.cache.keys('route:/nested*')).toHaveLength(2)
  })

  it('hold nothing for a handler whose code has changed', async () => {
    const { request, runs, host } = await serve({ '/a': [() => 'new'] })
    const old = { status: 200, headers: {}, body: Buffer.from('old'), time: Date.now(), integrity: 'another process, another build' }
    await host.cache.set('route:/a', old, { serializer: responseSerializer })
    expect(await (await request('/a')).text()).toBe('new')
    expect(runs()).toBe(1)
  })

  it('of pages end in the build', async () => {
    const { request, host } = await serve({ '/shop/**': [() => '<p>', { group: 'nitro/routes' }], '/api/x': [() => 1, { group: 'nitro/routes' }] }, { pageRoutes: ['/shop/**'] })
    await request('/shop/tea')
    await request('/api/x')
    expect((await host.cache.keys('*')).sort()).toEqual(['route:/api/x', 'route:/shop/tea#build=build-1'])
  })

  it('serve a HEAD from the entry of the GET, and the other way round', async () => {
    const { request, runs } = await serve({ '/a': [event => event.method] })
    const head = await request('/a', { method: 'HEAD' })
    const get = await request('/a')
    expect([head.status, head.headers.get('content-length'), await get.text(), source(get)]).toEqual([200, '3', 'GET', 'l1'])
    expect(runs()).toBe(1)
  })
})

describe('an old response', () => {
  /** Two requests that are so many ms apart, of which the handler fails the second. */
  async function served(cacheControl: string, milliseconds: number, options: CachedRouteOptions = {}): Promise<string | number | null> {
    let fails = false
    const { request, host } = await serve({ '/a': [(event) => {
      if (fails) throw createError({ statusCode: 503 })
      if (cacheControl) event.node.res.setHeader('cache-control', cacheControl)
      return 'a'
    }, options] })
    await request('/a')
    fails = true
    host.skip(milliseconds)
    const response = await request('/a')
    return response.status === 200 ? source(response) : response.status
  }

  it.each(['max-age=1, must-revalidate', 'max-age=1, proxy-revalidate', 's-maxage=1', 'max-age=1, stale-while-revalidate=60, Must-Revalidate'])(
    'is not served when its handler says %s', async (cacheControl) => {
      expect(await served(cacheControl, 500)).toBe('l1')
      expect(await served(cacheControl, 1500)).toBe(503)
    })

  it('that must be revalidated lives as long as the option says, and not longer', async () => {
    expect(await served('must-revalidate', 59_000)).toBe('l1')
    expect(await served('must-revalidate', 61_000)).toBe(503)
    expect(await served('max-age=600, must-revalidate', 61_000)).toBe(503)
  })

  it('is served as long as the option and the handler both allow', async () => {
    expect(await served('', 61_000)).toBe('stale')
    expect(await served('max-age=1', 1500)).toBe('stale')
    expect(await served('s-maxage=1, stale-while-revalidate=5', 5500)).toBe('stale')
    expect(await served('s-maxage=1, stale-while-revalidate=5', 6500)).toBe(503)
    expect(await served('max-age=1, stale-while-revalidate=90000', 1500, { staleMaxAge: 0 })).toBe(503)
    expect(await served('no-transform, extension="must-revalidate, max-age=0"', 61_000)).toBe('stale')
  })

  it('of a cached handler within another one is stored as long as both allow', async () => {
    const host = createHost()
    let runs = 0
    const inner = createCachedEventHandler(() => `run ${++runs}`, { maxAge: 30, staleMaxAge: 10 }, host)
    const sources: string[] = []
    const options: CachedRouteOptions = { onSource: found => void sources.push(found) }
    const { request, host: outer } = await serve({ '/nested': [event => inner(event) as unknown, options] })
    host.engine = outer.engine
    expect((await request('/nested')).headers.get('cache-control')).toBe('max-age=0, s-maxage=30')
    for (const milliseconds of [29_000, 9000]) {
      outer.skip(milliseconds)
      await request('/nested')
    }
    expect(sources).toEqual(['loader', 'l1', 'stale'])
    outer.skip(90_000)
    expect(await (await request('/nested')).text()).not.toBe('run 1')
  })
})

describe('HTTP', () => {
  it('a 304 has the headers of the 200', async () => {
    const { request } = await serve({ '/a': [() => 'a', { varies: ['x-plan'], staleMaxAge: 30 }] })
    await request('/a')
    const full = await request('/a')
    const spared = await request('/a', { headers: { 'if-none-match': `"other", ${full.headers.get('etag')}` } })
    expect(spared.status).toBe(304)
    expect(full.headers.get('cache-control')).toBe('max-age=0, s-maxage=60')
    for (const name of ['cache-control', 'etag', 'last-modified', 'vary', 'age']) expect([name, spared.headers.get(name)]).toEqual([name, full.headers.get(name)])
  })

  it('If-None-Match decides, not If-Modified-Since', async () => {
    const { request } = await serve({ '/a': [() => 'a'] })
    const response = await request('/a', { headers: { 'if-none-match': '"other"', 'if-modified-since': new Date(Date.now() + 60_000).toUTCString() } })
    expect(response.status).toBe(200)
  })

  it('keeps the Cache-Control of the handler, and of whoever set one before', async () => {
    const { request } = await serve({
      '/a': [(event) => {
        event.node.res.setHeader('Cache-Control', 'public, max-age=5')
        return 'a'
      }],
      '/b': [() => 'b'],
    }, { onRequest: event => void event.node.res.setHeader('cache-control', 'max-age=7') })
    expect((await request('/a')).headers.get('cache-control')).toBe('public, max-age=5')
    expect((await request('/b')).headers.get('cache-control')).toBe('max-age=7')
  })

  it('headersOnly stores nothing', async () => {
    const { request, runs } = await serve({ '/a': [() => 'a', { headersOnly: true, maxAge: 9 }] })
    await request('/a')
    expect((await request('/a')).headers.get('cache-control')).toBe('public, max-age=9, s-maxage=9')
    expect(runs()).toBe(2)
  })

  it('an error reaches the client and is not stored', async () => {
    let fail = true
    const { request } = await serve({ '/a': [() => {
      if (fail) throw createError({ statusCode: 503 })
      return 'a'
    }] })
    expect((await request('/a')).status).toBe(503)
    fail = false
    expect((await request('/a')).status).toBe(200)
  })
})

describe('invalidation', () => {
  it('by tags of the options and of the handler, also when it runs on the copy of the event', async () => {
    const { request, runs, host } = await serve({ '/a': [(event) => {
      addEventCacheTags(event, 'late')
      return 'a'
    }, { tags: event => [`path:${event.path}`] }] })
    for (const tag of ['late', 'path:/a']) {
      await request('/a')
      await request('/a')
      await host.cache.invalidateTags(tag)
    }
    await request('/a')
    expect(runs()).toBe(3)
  })

  it('by key and by pattern', async () => {
    const { request, runs, host } = await serve({ '/api/:x': [() => 'a'] })
    await request('/api/one')
    await host.cache.invalidate('route:/api/one')
    await request('/api/one')
    expect(await host.cache.invalidatePattern('route:/api/*')).toBe(1)
    await request('/api/one')
    expect(runs()).toBe(3)
  })

  it('is heard by onSource, as is a response that is not stored', async () => {
    const heard: string[] = []
    const options = { onSource: (source: string, event: H3Event) => heard.push(`${event.path} ${source}`) }
    const { request } = await serve({ '/a': [() => 'a', options], '/personal': [(event) => {
      event.node.res.setHeader('set-cookie', 'a=b')
      return 'mine'
    }, options] })
    await request('/a')
    await request('/a')
    await request('/personal')
    expect(heard).toEqual(['/a loader', '/a l1', '/personal uncacheable'])
  })

  it('by shouldInvalidateCache', async () => {
    const { request, runs } = await serve({ '/a': [() => 'a', { shouldInvalidateCache: event => event.path.includes('fresh'), getKey: () => 'k' }] })
    await request('/a')
    await request('/a?fresh')
    await request('/a')
    expect(runs()).toBe(2)
  })

  it('a tag outside of a load is one of the response, for caches in front', () => {
    const event = createEvent(new IncomingMessage(new Socket()), new ServerResponse(new IncomingMessage(new Socket())))
    addEventCacheTags(event, ['x y'])
    expect(responseTagsOf(event.node.res)).toEqual({ stored: [], named: ['x%20y'] })
  })
})

describe('cached functions', () => {
  const cached = <T, A extends unknown[]>(fn: (...args: A) => T | Promise<T>, options: Parameters<typeof createCachedFunction<T, A>>[1], host = createHost()) =>
    ({ host, call: createCachedFunction(fn, { maxAge: 60, ...options }, host) })

  it('run once a key, for callers at the same time too', async () => {
    let runs = 0
    const { host, call } = cached(async (id: number, _options?: object) => ({ id, run: ++runs }), { name: 'once' })
    expect(await Promise.all([call(1), call(1), call(2)])).toEqual([{ id: 1, run: 1 }, { id: 1, run: 1 }, { id: 2, run: 2 }])
    await call(1, { deep: ['x'] })
    expect((await host.cache.keys('*')).sort()).toEqual(['function:once:1', 'function:once:1,{"deep":["x"]}', 'function:once:2'])
  })

  it('keep null and not undefined', async () => {
    let runs = 0
    const { call } = cached((value: null | undefined) => {
      runs++
      return value
    }, { name: 'nothing' })
    expect([await call(null), await call(null), await call(undefined), await call(undefined)]).toEqual([null, null, undefined, undefined])
    expect(runs).toBe(3)
  })

  it('without a name are told apart by their code', async () => {
    const host = createHost()
    const one = createCachedFunction(() => 'one', {}, host)
    const two = createCachedFunction(() => 'two', {}, host)
    expect([await one(), await two()]).toEqual(['one', 'two'])
  })

  it('of another integrity read nothing old', async () => {
    const host = createHost()
    const call = (integrity: string) => createCachedFunction(() => integrity, { name: 'integrity', integrity }, host)()
    expect([await call('1'), await call('2'), await call('1')]).toEqual(['1', '2', '1'])
    await host.cache.set('function:integrity:', { value: 'old', mtime: Date.now(), integrity: 'another process, another build' })
    expect(await call('1')).toBe('1')
  })

  it('transform at every return, validate, bypass and invalidate as told', async () => {
    let runs = 0
    const { call } = cached((_input: string) => ++runs, {
      name: 'options',
      getKey: () => 'k',
      transform: (entry, input) => `${entry.value} ${input} ${entry.expires! - entry.mtime!}`,
      validate: entry => entry.value !== 3,
      shouldInvalidateCache: input => input === 'renew',
      shouldBypassCache: input => input === 'bypass',
    })
    expect(await call('a')).toBe('1 a 60000')
    expect(await call('b')).toBe('1 b 60000')
    expect(await call('renew')).toBe('2 renew 60000')
    expect(await call('bypass')).toBe(3)
    runs = 2
    expect(await call('renew')).toBe('3 renew 60000')
    expect(await call('c')).toBe('4 c 60000')
  })

  it('are found by their tags', async () => {
    let runs = 0
    const { host, call } = cached((id: number) => `${id} ${++runs}`, { name: 'tagged', tags: id => [`id:${id}`] })
    await call(1)
    await host.cache.invalidateTags('id:1')
    expect(await call(1)).toBe('1 2')
  })

  it('say where each value came from', async () => {
    const heard: unknown[] = []
    const { call } = cached((id: number) => id, { name: 'heard', onSource: (...source) => heard.push(source) })
    await call(1)
    await call(1)
    expect(heard).toEqual([['loader', 1], ['l1', 1]])
  })

  it('serve the old value while they reload, hold the event open, and report what fails then', async () => {
    let fail = false
    const { host, call } = cached((_event: H3Event) => {
      if (fail) throw new Error('source is down')
      return 'old'
    }, { name: 'swr', maxAge: 0.02 })
    const held: Promise<unknown>[] = []
    let hold = () => {}
    const holding = new Promise<void>(resolve => hold = resolve)
    const event = { __is_event__: true, method: 'GET', path: '/', context: {}, waitUntil: (promise: Promise<unknown>) => {
      held.push(promise)
      hold()
    } } as unknown as H3Event
    expect(await call(event)).toBe('old')
    fail = true
    const end = Date.now() + 20
    await expect.poll(() => Date.now() > end).toBe(true)
    expect(await call(event)).toBe('old')
    await holding
    await Promise.all(held)
    expect(host.errors.map(error => error.message)).toEqual(['source is down'])
  })
})
