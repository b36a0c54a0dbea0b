import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { afterEach, describe, expect, it } from 'vitest'
import type { ModuleOptions } from '../../src/options'
import type { HttpClient } from '../support/http-client'
import { createClient } from '../support/http-client'
import type { Origin } from '../support/origin'
import { startOrigin } from '../support/origin'
import { freePort } from '../support/ports'
import { createTemporaryDirectory } from '../support/temporary-directory'
import { createServerCertificates } from '../support/tls'
import { startGeneratedNginx } from '../support/topology'
import { waitFor } from '../support/wait'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** An app behind the nginx that is generated for it. */
async function start(options: ModuleOptions, ...handlers: Handler[]): Promise<{ client: HttpClient, port: number, origins: Origin[] }> {
  const origins = await Promise.all(handlers.map(handler => startOrigin(handler)))
  cleanups.push(() => Promise.all(origins.map(origin => origin.close())))
  const nginx = await startGeneratedNginx(origins.map(({ port }) => port), options)
  cleanups.push(() => nginx.stop())
  const client = createClient(nginx.port)
  cleanups.push(() => client.close())
  return { client, port: nginx.port, origins }
}

/** A page that says whose it is, and that everybody may store, which is wrong for those who are signed in. */
const page: Handler = ({ headers, url }, response) => {
  response.setHeader('cache-control', 'public, max-age=60')
  if (url?.startsWith('/login')) response.setHeader('set-cookie', 'session=fresh')
  if (url?.startsWith('/private')) response.setHeader('cache-control', 'private')
  response.end(JSON.stringify({ host: headers.host, cookie: headers.cookie, authorization: headers.authorization, tenant: headers['x-tenant-id'], at: Math.random() }))
}

/** Holds requests until `release`. */
function gate(headers: Record<string, string>) {
  const waiting: ServerResponse[] = []
  const release = () => {
    for (const response of waiting.splice(0)) response.end('slow')
  }
  return {
    waiting: () => waiting.length,
    release,
    handler: ((_, response) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
      waiting.push(response)
    }) satisfies Handler,
  }
}

describe('the cache of the generated nginx', () => {
  it('stores what the app says may be stored, for each host by itself', async () => {
    const { client, origins } = await start({ deploy: { cache: {} } }, page)
    const ask = (host: string) => client.request('/page', { headers: { host } })
    const [a, b] = [await ask('a.example'), await ask('b.example')]
    expect([JSON.parse(a.body).host, JSON.parse(b.body).host]).toEqual(['a.example', 'b.example'])
    expect([(await ask('a.example')).body, (await ask('b.example')).body]).toEqual([a.body, b.body])
    expect((await ask('a.example')).headers['x-cache-status']).toBe('HIT')
    expect(origins[0]!.count).toBe(2)
    expect((await client.request('/private')).body).not.toBe((await client.request('/private')).body)
  })

  it.each<[string, Record<string, string | string[]>, ModuleOptions?]>([
    ['a session cookie', { cookie: 'theme=dark; my_session=anna' }],
    ['Authorization', { authorization: 'Bearer anna' }],
    ['Authorization of 0, which nginx takes for nothing', { authorization: '0' }],
    ['Proxy-Authorization', { 'proxy-authorization': 'Basic anna' }],
    ['a key of an API', { 'x-api-key': 'anna' }],
    ['a key of an API that is empty, and then another', { 'x-api-key': '', 'x-auth-token': '0' }],
    ['a header that the app names', { 'x-shop-key': 'anna' }, { http: { credentialHeaders: ['X-Shop-Key'] } }],
    ['a cookie header of many', { cookie: ['a=1', 'AuthToken=anna'] }],
  ])('gives a request with %s nothing of others, and others nothing of it', async (_, headers, options = {}) => {
    const { client } = await start({ ...options, deploy: { cache: {} } }, page)
    const own = [await client.request('/page', { headers }), await client.request('/page', { headers })]
    expect(own[0]!.body).not.toBe(own[1]!.body)
    const stranger = await client.request('/page')
    expect(JSON.parse(stranger.body)).not.toHaveProperty('cookie')
    expect(JSON.parse(stranger.body)).not.toHaveProperty('authorization')
    const again = await client.request('/page', { headers })
    expect(again.body).not.toBe(stranger.body)
    expect((await client.request('/page')).body).toBe(stranger.body)
  })

  it('stores no answer with Set-Cookie', async () => {
    const { client } = await start({ deploy: { cache: { shared: ['/login/**'] } } }, page)
    const answers = [await client.request('/login'), await client.request('/login')]
    expect(answers.map(({ headers }) => headers['x-cache-status'])).toEqual(['MISS', 'MISS'])
  })

  it('keeps tenants of a header apart, whatever stands in it', async () => {
    const { client } = await start({ tenancy: { trustedProxies: 'any' }, deploy: { cache: {} } }, page)
    const ask = (path: string, tenant: string) => client.request(path, { headers: { 'host': 'a.example', 'x-tenant-id': tenant } }).then(({ body }) => JSON.parse(body).tenant)
    for (const _ of [1, 2]) {
      expect(await ask('/page', 'acme')).toBe('acme')
      expect(await ask('/page', 'globex')).toBe('globex')
      expect(await ask('/page', 'acme/page')).toBe('acme/page')
      expect(await ask('/page/page', 'acme')).toBe('acme')
    }
  })

  it('never makes slow pages that are not stored wait for one another', async () => {
    const slow = gate({ 'cache-control': 'private, no-store' })
    const { client } = await start({ deploy: { cache: { shared: ['/api/static/**'] } } }, slow.handler)
    const answers = Promise.all(Array.from({ length: 20 }, () => client.request('/slow')))
    // A lock would hold 19 of them back for five seconds.
    await waitFor(() => slow.waiting() === 20, { timeout: 4000, message: () => `20 requests at a time, of which the app has ${slow.waiting()}` })
    slow.release()
    expect((await answers).map(({ status }) => status)).toEqual(Array.from({ length: 20 }).fill(200))
  })

  it('asks the app once for what many want at a time, where everything is stored', async () => {
    const slow = gate({ 'cache-control': 'public, max-age=60' })
    const { client, origins } = await start({ deploy: { cache: { shared: ['/api/static/**'] } } }, slow.handler)
    for (const path of ['/api/static/list', '/_nuxt/entry.js']) {
      const answers = Promise.all(Array.from({ length: 20 }, () => client.request(path)))
      await waitFor(() => slow.waiting() === 1)
      // Those that wait look again after half a second.
      setTimeout(slow.release, 200)
      expect(new Set((await answers).map(({ body }) => body))).toEqual(new Set(['slow']))
    }
    expect(origins[0]!.count).toBe(2)
  })

  it('serves the old copy while the app fails', async () => {
    let fails = false
    const { client } = await start({ deploy: { cache: {} } }, (_, response) => {
      response.statusCode = fails ? 500 : 200
      response.setHeader('cache-control', 'public, max-age=1')
      response.end(fails ? 'broken' : 'fine')
    })
    expect((await client.request('/')).body).toBe('fine')
    fails = true
    await waitFor(async () => {
      const { headers, status, body } = await client.request('/')
      expect([status, body]).toEqual([200, 'fine'])
      return headers['x-cache-status'] === 'STALE'
    })
  })
})

describe('what the generated nginx stores', () => {
  /** Answers with the headers that the query names, and fails when `fails` says so. */
  function said(fails: () => boolean): Handler {
    return ({ url }, response) => {
      for (const [name, value] of new URL(url!, 'http://app').searchParams) response.setHeader(name, value)
      response.statusCode = fails() ? 500 : Number(url!.slice(1, 4))
      response.end(fails() ? 'broken' : 'fine')
    }
  }

  it.each([
    ['200?cache-control=max-age=60', 'HIT'],
    ['200?cache-control=max-age%3D0,s-maxage=60', 'HIT'],
    ['307?cache-control=s-maxage=60', 'HIT'],
    ['200?cache-control=max-age%3D0,s-maxage=9,must-revalidate&x-accel-expires=60', 'HIT'],
    ['200?cache-control=max-age=0', 'MISS'],
    ['200?cache-control=max-age%3D60,s-maxage=0', 'MISS'],
    ['200?cache-control=no-cache', 'MISS'],
    ['200?cache-control=max-age%3D60,must-revalidate', 'MISS'],
    ['200?cache-control=max-age%3D60,Proxy-Revalidate', 'MISS'],
    ['200?cache-control=max-age=60&x-accel-expires=0', 'MISS'],
    ['200?etag="a"', 'MISS'],
    ['201?', 'MISS'],
    ['204?', 'MISS'],
    ['301?location=/', 'MISS'],
  ])('/%s: the second request is a %s', async (path, status) => {
    const { client } = await start({ deploy: { cache: {} } }, said(() => false))
    await client.request(`/${path}`)
    expect((await client.request(`/${path}`)).headers['x-cache-status']).toBe(status)
  })

  it.each([
    'must-revalidate', 'proxy-revalidate', 'stale-while-revalidate=600,must-revalidate',
  ])('is never served old when the app says %s', async (directive) => {
    let fails = false
    const { client } = await start({ deploy: { cache: {} } }, said(() => fails))
    const ask = async () => (await client.request(`/200?cache-control=${encodeURIComponent(`max-age=1,${directive}`)}`)).body
    expect(await ask()).toBe('fine')
    fails = true
    await waitFor(async () => await ask() === 'broken')
  })

  it('is served old while the app fails when it speaks to nginx in its own header', async () => {
    let fails = false
    const { client } = await start({ deploy: { cache: {} } }, said(() => fails))
    const ask = () => client.request('/200?cache-control=max-age%3D0,s-maxage=600,must-revalidate&x-accel-expires=1')
    expect((await ask()).body).toBe('fine')
    fails = true
    await waitFor(async () => {
      const { headers, body } = await ask()
      expect(body).toBe('fine')
      return headers['x-cache-status'] === 'STALE'
    })
  })
})

describe('what the app is told', () => {
  const echo: Handler = ({ headers }, response) => response.end(JSON.stringify(headers))

  it('is of nginx, not of the client', async () => {
    const { client } = await start({ tenancy: { trustedProxies: ['127.0.0.1'] } }, echo)
    const forged = { 'x-forwarded-for': '6.6.6.6', 'x-real-ip': '6.6.6.6', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example', 'forwarded': 'for=6.6.6.6', 'x-tenant-id': 'acme', 'host': 'a.example' }
    // In a location of every kind: one directive of a kind makes nginx forget those around it.
    for (const path of ['/', '/api/x', '/api/health', '/_nuxt/x.js']) {
      const seen = JSON.parse((await client.request(path, { headers: forged })).body)
      expect(seen).toMatchObject({ 'host': 'a.example', 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'a.example' })
      expect(seen).not.toHaveProperty('forwarded')
      expect(seen).not.toHaveProperty('x-tenant-id')
    }
  })

  it('is of a proxy before it that is trusted', async () => {
    const { client } = await start({ deploy: { trustedProxies: ['127.0.0.1', '10.0.0.0/8'], cache: {} } }, echo)
    const seen = JSON.parse((await client.request('/', { headers: { 'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.0.0.7', 'x-forwarded-proto': 'https' } })).body)
    expect(seen).toMatchObject({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' })
  })
})

describe('at the edge', () => {
  const ok: Handler = (_, response) => response.end('ok')

  it('the API has a limit, and nothing else has', async () => {
    const { client } = await start({ deploy: { rateLimit: { limit: 1, window: '1m', burst: 4 }, cache: {} } }, ok)
    const statuses = async (path: string) => (await Promise.all(Array.from({ length: 30 }, () => client.request(path)))).map(({ status }) => status)
    expect((await statuses('/api/x')).filter(status => status === 200)).toHaveLength(5)
    expect(new Set(await statuses('/api'))).toEqual(new Set([429]))
    for (const path of ['/', '/apiary', '/_nuxt/x.js', '/api/health', '/api/health/live']) expect(new Set(await statuses(path)), path).toEqual(new Set([200]))
  })

  it('hosts of others get no answer', async () => {
    const { client } = await start({ deploy: { serverName: ['shop.example', '*.shop.example'] } }, ok)
    for (const host of ['shop.example', 'acme.shop.example']) expect((await client.request('/', { headers: { host } })).status).toBe(200)
    await expect(client.request('/', { headers: { host: 'evil.example' } })).rejects.toThrow(/socket hang up|ECONNRESET/)
  })

  it('a build file is looked for on the next server, in the middle of a rollout', async () => {
    const missing: Handler = (_, response) => {
      response.statusCode = 404
      response.end()
    }
    const { client, origins } = await start({}, missing, ok, missing)
    for (let index = 0; index < 9; index++) expect((await client.request('/_nuxt/new.js')).status).toBe(200)
    const before = origins.reduce((sum, { count }) => sum + count, 0)
    expect((await client.request('/no-page')).status).toBeOneOf([200, 404])
    expect(origins.reduce((sum, { count }) => sum + count, 0)).toBe(before + 1)
  })

  it('a POST that a server has had is given to no other', async () => {
    const dies: Handler = ({ socket }) => socket.destroy()
    const { client, origins } = await start({}, dies, dies, dies)
    expect((await client.request('/order', { method: 'POST' })).status).toBe(502)
    expect(origins.reduce((sum, { count }) => sum + count, 0)).toBe(1)
    expect((await client.request('/order')).status).toBe(502)
    expect(origins.reduce((sum, { count }) => sum + count, 0)).toBe(4)
  })
})

describe('TLS', () => {
  it('is what the app is told of, what plain HTTP is sent to, and what strangers do not get', async () => {
    const directory = createTemporaryDirectory('deploy-tls')
    cleanups.push(directory.remove)
    const { certificateFile, keyFile, ca } = await createServerCertificates(directory.path, 'DNS:shop.example')
    const https = await freePort()
    const http = await freePort()
    await start({ deploy: { listen: { http, https, ipv6: false }, serverName: 'shop.example', tls: { certificate: certificateFile, key: keyFile, hsts: '365d' } } }, ({ headers }, response) => {
      response.end(headers['x-forwarded-proto'])
    })

    const plain = createClient(http)
    cleanups.push(() => plain.close())
    const redirect = await plain.request('/cart?a=1', { method: 'POST', headers: { host: 'shop.example' } })
    expect([redirect.status, redirect.headers.location]).toEqual([308, `https://shop.example:${https}/cart?a=1`])

    const ask = (servername: string) => new Promise<[number | undefined, string | undefined, string]>((resolve, reject) => {
      httpsRequest({ host: '127.0.0.1', port: https, servername, ca, headers: { host: servername } }, (response) => {
        response.once('data', data => resolve([response.statusCode, response.headers['strict-transport-security'], String(data)]))
      }).on('error', reject).end()
    })
    expect(await ask('shop.example')).toEqual([200, 'max-age=31536000', 'https'])
    await expect(ask('evil.example')).rejects.toThrow(/unrecognized name/i)

    const session = connectHttp2(`https://127.0.0.1:${https}`, { ca, servername: 'shop.example' })
    const stream = session.request({ ':path': '/', ':authority': 'shop.example' })
    const [headers] = await once(stream, 'response') as [{ ':status': number }]
    expect(headers[':status']).toBe(200)
    session.destroy()
  })
})

describe('streams', () => {
  it.each(['/_ws', '/anywhere'])('a WebSocket is let through at %s', async (path) => {
    const { port, origins } = await start({ deploy: { streams: ['/_ws'], cache: {} } }, (_, response) => response.end())
    origins[0]!.server.on('upgrade', (_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
      socket.pipe(socket)
    })
    const echoed = await new Promise<string>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, headers: { connection: 'Upgrade', upgrade: 'websocket' } })
      sent.on('upgrade', (_, socket) => {
        socket.once('data', (data) => {
          resolve(String(data))
          socket.destroy()
        })
        socket.write('hello')
      })
      sent.on('response', ({ statusCode }) => reject(new Error(`answered ${statusCode}`)))
      sent.on('error', reject)
      sent.end()
    })
    expect(echoed).toBe('hello')
  })

  it.each([['/api/events', {}], ['/elsewhere', { 'x-accel-buffering': 'no' }]])('an event arrives before the stream ends at %s', async (path, headers) => {
    let finish = () => {}
    const { port } = await start({ deploy: { streams: ['/api/events/**'] } }, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', ...headers })
      response.write('data: one\n\n')
      finish = () => response.end()
    })
    const first = await new Promise<string>((resolve, reject) => {
      request({ host: '127.0.0.1', port, path }, response => response.once('data', data => resolve(String(data)))).on('error', reject).end()
    })
    expect(first).toBe('data: one\n\n')
    finish()
  })
})
