import { createServer, request as httpRequest } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Report, ReportedError } from '../../src/runtime/app/report'
import { createAddressLimiter } from '../../src/runtime/server/monitoring/address-limiter'
import { browserFamily, createIngest } from '../../src/runtime/server/monitoring/ingest'
import type { IngestContent } from '../../src/runtime/server/monitoring/ingest'
import { parseReport } from '../../src/runtime/server/monitoring/parse-report'
import { quoted } from '../../src/runtime/server/core/log'
import { createReceiver } from '../../src/runtime/server/monitoring/receive'
import { createRing } from '../../src/runtime/server/monitoring/ring'
import type { ClientVital, ReceivedClientError } from '../../src/runtime/server/monitoring/types'

const error: ReportedError = {
  type: 'error', kind: 'error', name: 'TypeError', message: 'no price', frames: [['priceOf', '/_nuxt/a.js', 1, 2]], route: '/products/:id', component: 'Cart', count: 1,
}
const report: Report = { build: 'b1', release: '1.0.0', events: [error] }
const vital = { type: 'vital', name: 'LCP', value: 1200, route: '/', navigation: 'navigate' }

describe('the schema', () => {
  const withEvent = (event: object) => ({ ...report, events: [event] })

  it('accepts every kind of event', () => {
    const events = [
      error, vital,
      { type: 'navigation', route: '/', dns: 1, connect: 2, request: 3, response: 4, interactive: 5, load: 6 },
      { type: 'resource', route: '/', initiator: 'fetch', path: '/api/slow', duration: 1500 },
    ]
    expect(parseReport({ ...report, events })).toEqual({ ...report, events })
  })

  it.each<[string, unknown]>([
    ['null', null], ['a list', []], ['a string', 'x'], ['an unknown field', { ...report, more: 1 }], ['a missing field', { build: '', events: [error] }],
    ['no event', { ...report, events: [] }], ['51 events', { ...report, events: Array.from({ length: 51 }, () => error) }],
    ['an unknown type', withEvent({ ...error, type: '__proto__' })], ['an inherited type', withEvent({ ...error, type: 'constructor' })],
    ['an unknown field of an event', withEvent({ ...error, user: 'jane' })], ['an unknown kind', withEvent({ ...error, kind: 'report' })],
    ['a long message', withEvent({ ...error, message: 'x'.repeat(301) })], ['a long name', withEvent({ ...error, name: 'x'.repeat(101) })],
    ['a line break in a name', withEvent({ ...error, name: 'a\nb' })], ['a query in a route', withEvent({ ...error, route: '/a?b=c' })],
    ['a relative route', withEvent({ ...error, route: 'a' })], ['an e-mail address in a route', withEvent({ ...error, route: '/jane@doe.org' })],
    ['no count', withEvent({ ...error, count: 0 })], ['a fraction', withEvent({ ...error, count: 1.5 })], ['a huge count', withEvent({ ...error, count: 1e9 })],
    ['21 frames', withEvent({ ...error, frames: Array.from({ length: 21 }, () => ['', '/a', 1, 1]) })],
    ['a frame without a column', withEvent({ ...error, frames: [['', '/a', 1]] })], ['a negative line', withEvent({ ...error, frames: [['', '/a', -1, 1]] })],
    ['an unknown vital', withEvent({ ...vital, name: 'FID' })], ['a negative value', withEvent({ ...vital, value: -1 })],
    ['a value that is not finite', withEvent({ ...vital, value: Infinity })], ['an unknown navigation', withEvent({ ...vital, navigation: 'teleport' })],
    ['a release with markup', { ...report, release: '<b>' }],
  ])('refuses %s', (_, body) => {
    expect(parseReport(body)).toBeUndefined()
  })

  it('redacts what a client did not', () => {
    const parsed = parseReport(withEvent({ ...error, message: 'a\u001B[31m\nb jane@doe.org https://h.example/x?y', frames: [['f jane@doe.org', 'https://h.example/a.js?t=1', 1, 1]] }))
    expect(parsed!.events[0]).toMatchObject({ message: 'a [31m b [email] /x', frames: [['f [email]', '/a.js', 1, 1]] })
  })

  it('answers any JSON, and never throws', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
      parseReport(one)
      parseReport({ ...report, events: [one, other] })
      parseReport(withEvent({ ...error, message: one, frames: other }))
    }))
  })
})

describe('the route', () => {
  let server: Server
  let port: number
  let contents: IngestContent[]
  let rejections: string[]
  let wait: number

  beforeEach(async () => {
    [contents, rejections, wait] = [[], [], 0]
    const ingest = createIngest({ take: () => wait, onAccepted: content => contents.push(content), onRejected: reason => rejections.push(reason) })
    server = createServer((request, response) => void ingest(request, response)).listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    port = (server.address() as AddressInfo).port
  })

  afterEach(() => server.close())

  function send(body: string, headers: Record<string, string> = {}, method = 'POST'): Promise<{ status: number, body: string, headers: Record<string, unknown> }> {
    return new Promise((resolve, reject) => {
      const sent = httpRequest({ port, method, path: '/_scale/ingest', headers: { 'content-type': 'text/plain;charset=UTF-8', 'sec-fetch-site': 'same-origin', ...headers } }, (response) => {
        let text = ''
        response.on('data', chunk => text += chunk).on('end', () => resolve({ status: response.statusCode!, body: text, headers: response.headers }))
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  it.each(['text/plain;charset=UTF-8', 'application/json'])('answers a report of type %s with 204', async (type) => {
    expect(await send(JSON.stringify(report), { 'content-type': type })).toMatchObject({ status: 204, body: '', headers: { 'cache-control': 'no-store' } })
    expect(contents).toEqual([{ report }])
  })

  it('accepts reports of the browser itself, and ignores unknown types', async () => {
    const reports = [
      { type: 'csp-violation', age: 1, url: 'https://h.example/a?b', user_agent: 'x', body: { effectiveDirective: 'script-src', blockedURL: 'https://evil.example' } },
      { type: 'network-error', age: 1, url: 'https://h.example/', user_agent: 'x', body: {} },
      { type: 'crash', body: { reason: 'oom' } },
      { type: 'constructor', body: {} },
    ]
    expect((await send(JSON.stringify(reports), { 'content-type': 'application/reports+json' })).status).toBe(204)
    expect(contents).toMatchObject([{ reports: [{ kind: 'report', name: 'csp-violation', message: 'script-src' }, { kind: 'report', name: 'crash', message: 'oom' }] }])
    expect(JSON.stringify(contents)).not.toContain('example')
    expect((await send('{}', { 'content-type': 'application/reports+json' })).status).toBe(400)
    expect((await send(JSON.stringify(Array.from({ length: 51 }, () => ({ type: 'crash', body: {} }))), { 'content-type': 'application/reports+json' })).status).toBe(400)
  })

  it.each<[string, number, string, string, Record<string, string>, string?]>([
    ['another method', 405, 'method', '', {}, 'GET'],
    ['another type', 415, 'type', '{}', { 'content-type': 'multipart/form-data' }],
    ['another site', 403, 'origin', '{}', { 'sec-fetch-site': 'cross-site' }],
    ['another host of the site', 403, 'origin', '{}', { 'sec-fetch-site': 'same-site' }],
    ['a typed address', 403, 'origin', '{}', { 'sec-fetch-site': 'none' }],
    ['malformed JSON', 400, 'schema', '{"build":', {}],
    ['a wrong schema', 400, 'schema', '{}', {}],
    ['a large body', 413, 'size', 'x'.repeat(65_537), {}],
  ])('refuses %s with %i, without a detail', async (_, status, reason, body, headers, method) => {
    const answer = await send(body, headers, method)
    expect([answer.status, answer.body, rejections, contents]).toEqual([status, '', [reason], []])
  })

  it('compares the origin with the host if the browser does not send the site', async () => {
    const sendWithout = (headers: Record<string, string>) => new Promise<number>((resolve, reject) => {
      const sent = httpRequest({ port, method: 'POST', headers: { 'content-type': 'text/plain', ...headers } }, response => resolve(response.resume().statusCode!))
      sent.on('error', reject)
      sent.end(JSON.stringify(report))
    })
    expect(await sendWithout({ origin: `http://localhost:${port}` })).toBe(204)
    expect(await sendWithout({ origin: 'http://evil.example' })).toBe(403)
    expect(await sendWithout({ origin: 'null' })).toBe(403)
    expect(await sendWithout({})).toBe(403)
  })

  it('refuses a flood before it reads a body', async () => {
    wait = 1500
    expect(await send(JSON.stringify(report))).toMatchObject({ status: 429, headers: { 'retry-after': '2' } })
    expect([rejections, contents]).toEqual([['rate'], []])
  })

  it('stops reading a body without a length when it is too large', async () => {
    const socket = connect(port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nhost: x\r\nsec-fetch-site: same-origin\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n')
    const answered = new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', chunk => text += String(chunk)).on('error', () => {}).on('close', () => resolve(text))
    })
    const chunk = `${(16_384).toString(16)}\r\n${'x'.repeat(16_384)}\r\n`
    let written = 0
    const write = () => {
      while (!socket.destroyed && written < 2000) {
        written++
        if (!socket.write(chunk)) return void socket.once('drain', write)
      }
    }
    write()
    expect(await answered).toMatch(/^HTTP\/1\.1 413 /)
    expect(written).toBeLessThan(2000)
    expect(rejections).toEqual(['size'])
  })
})

describe('the limit of an address', () => {
  const from = (remoteAddress: string, forwarded?: string) => ({ headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }, socket: { remoteAddress } }) as never

  it('allows a burst and a rate, IPv6 by /64, and trusts only proxies', () => {
    let now = 0
    const take = createAddressLimiter({ perMinute: 60, trusts: address => address === '10.0.0.1', now: () => now })
    const allowed = (request: never) => Array.from({ length: 30 }, () => take(request)).filter(waiting => waiting === 0).length
    expect(allowed(from('192.0.2.1'))).toBe(11)
    expect(take(from('192.0.2.1', '203.0.113.9'))).toBeGreaterThan(0)
    expect(allowed(from('10.0.0.1', '203.0.113.9'))).toBe(11)
    expect(allowed(from('2001:db8::1'))).toBe(11)
    expect(take(from('2001:db8::2'))).toBe(1000)
    now = 1_000_000
    expect(allowed(from('192.0.2.1'))).toBe(1)
  })

  it('bounds all addresses together', () => {
    const take = createAddressLimiter({ perMinute: 600, trusts: () => false, now: () => 0 })
    const allowed = Array.from({ length: 20_000 }, (_, index) => take(from(`10.${index >> 16}.${index >> 8 & 255}.${index & 255}`))).filter(waiting => waiting === 0)
    expect(allowed).toHaveLength(501)
  })
})

describe('the receiver', () => {
  it('stores events, passes them on without waiting, and bounds the calls', async () => {
    const ring = createRing()
    const errors: ReceivedClientError[] = []
    const vitals: ClientVital[] = []
    const failed: string[] = []
    const receive = createReceiver({
      ring,
      functions: {
        onClientError: (given) => {
          errors.push(given)
          return new Promise(() => {})
        },
        onVital: (given) => {
          vitals.push(given)
          throw new Error('sink')
        },
      },
      resolve: () => Promise.resolve([]),
      onFailed: name => failed.push(name),
    })
    receive({ report: { ...report, events: [error, vital as never, { ...vital, name: 'CLS', value: 0.2 } as never] } }, 'firefox')
    await new Promise(resolve => setImmediate(resolve))
    expect(errors).toMatchObject([{ name: 'TypeError', build: 'b1', browser: 'firefox', fingerprint: expect.any(String), resolveStack: expect.any(Function) }])
    expect(errors[0]).not.toHaveProperty('type')
    expect(vitals).toMatchObject([{ name: 'LCP', value: 1.2, release: '1.0.0' }, { name: 'CLS', value: 0.2 }])
    expect(failed).toEqual(['onVital', 'onVital'])
    for (let times = 0; times < 200; times++) receive({ report }, 'firefox')
    await new Promise(resolve => setImmediate(resolve))
    expect(errors).toHaveLength(100)
    expect(ring.errors()).toMatchObject([{ count: 201 }])
  })
})

describe('log lines', () => {
  it('contain no character of a client that a terminal interprets', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
      // eslint-disable-next-line no-control-regex
      expect(quoted(text)).not.toMatch(/[\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]/)
      expect(JSON.parse(quoted(text))).toBe(text)
    }))
  })

  it.each([
    ['Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36 Edg/150.0', 'edge'],
    ['Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/150.0 Safari/537.36', 'chrome'],
    ['Mozilla/5.0 (Macintosh) AppleWebKit/605.1 (KHTML, like Gecko) Version/19.0 Safari/605.1', 'safari'],
    ['Mozilla/5.0 (X11; rv:150.0) Gecko/20100101 Firefox/150.0', 'firefox'],
    ['curl/8', 'other'],
  ])('%s is %s', (userAgent, family) => {
    expect(browserFamily(userAgent)).toBe(family)
  })
})
