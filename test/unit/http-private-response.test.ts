import type { IncomingHttpHeaders } from 'node:http'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import fc from 'fast-check'
import type { App } from 'h3'
import { describe, expect, it } from 'vitest'
import { guardPrivateResponse } from '../../src/runtime/server/http/private-response'
import type { GuardedRequest } from '../../src/runtime/server/http/private-response'
import type { CacheClass, CdnTarget } from '../../src/runtime/server/http/policy'
import { cacheClasses, cdnHeaders } from '../../src/runtime/server/http/policy'
import type { HttpModuleOptions, HttpRule } from '../../src/runtime/server/http/settings'
import { httpSettings } from '../../src/runtime/server/http/settings'
import { applySharedLifetime } from '../../src/runtime/server/request/shared-lifetime'
import { wrapWithHttpRules } from '../../src/runtime/server/http/wrap'

const targets = Object.keys(cdnHeaders) as CdnTarget[]
const sharedHeaders = [...Object.values(cdnHeaders), 'surrogate-key', 'cache-tag']

interface Answer { status: number, cacheControl?: string, setCookie?: boolean, surrogateKey?: boolean }

function ruleOf(rule: CacheClass | HttpRule, cdn?: CdnTarget) {
  return httpSettings.resolveGiven({ rules: { '/a': rule }, cdn }).rules.get('/a') || undefined
}

function guarded({ status, cacheControl, setCookie, surrogateKey }: Answer, request: Partial<GuardedRequest>, cdn?: CdnTarget) {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  response.statusCode = status
  if (cacheControl) response.setHeader('cache-control', cacheControl)
  if (setCookie) response.setHeader('set-cookie', 'a=1')
  if (surrogateKey) response.setHeader('surrogate-key', 'product-1')
  guardPrivateResponse(response, { rule: undefined, hasCredentials: false, hasSession: false, isPublicFile: false, isBuildFile: false, ...request }, cdn)
  return response.getHeaders()
}

/** RFC 9111 §3: whether a shared cache could keep the response, also without being told, and whether it was told in a header of its own. */
function isShareable(headers: Record<string, unknown>): boolean {
  const control = String(headers['cache-control'] ?? '')
  return !/private|no-store/.test(control) || sharedHeaders.some(name => headers[name] !== undefined)
}

describe('a response that must not be shared', () => {
  it('is not, over every rule, status, target and header of the handler', () => {
    const rule = fc.oneof(
      fc.constantFrom(...Object.keys(cacheClasses) as CacheClass[]),
      fc.record({ class: fc.constantFrom<CacheClass[]>('immutable', 'static', 'page'), maxAge: fc.nat(1e6), sharedMaxAge: fc.nat(1e6), staleWhileRevalidate: fc.nat(1e4) }),
      fc.constant(undefined),
    )
    const answer = fc.record({
      status: fc.constantFrom(200, 201, 204, 206, 301, 302, 304, 400, 401, 404, 410, 500, 503),
      cacheControl: fc.constantFrom(undefined, 'public, max-age=31536000, immutable', 's-maxage=60, stale-while-revalidate=60', 'max-age=10', 'no-cache', 'private, max-age=5', 'no-store'),
      setCookie: fc.boolean(),
      surrogateKey: fc.boolean(),
    })
    const request = fc.record({ hasCredentials: fc.boolean(), hasSession: fc.boolean(), isPublicFile: fc.boolean(), isBuildFile: fc.boolean() })
    let personal = 0
    fc.assert(fc.property(rule, answer, request, fc.constantFrom(undefined, ...targets), (given, response, asked, cdn) => {
      const headers = guarded(response, { ...asked, rule: given && ruleOf(given, cdn) }, cdn)
      const isPersonal = response.setCookie || asked.hasCredentials || (asked.hasSession && !asked.isPublicFile)
      if (isPersonal || response.status >= 400) {
        personal++
        expect(isShareable(headers)).toBe(false)
      }
      if (given === 'no-store') expect(headers['cache-control']).toMatch(/no-store/)
    }), { numRuns: 20_000 })
    expect(personal).toBeGreaterThan(5000)
  })

  it('keeps what its handler allows the browser alone', () => {
    expect(guarded({ status: 200, cacheControl: 'private, max-age=5' }, { hasSession: true })['cache-control']).toBe('private, max-age=5')
  })

  it('does not take a file of everybody from those who are signed in', () => {
    const headers = guarded({ status: 200 }, { hasSession: true, isPublicFile: true, rule: ruleOf('static') })
    expect(headers['cache-control']).toBe('public, max-age=3600')
  })
})

describe('the credentials of a request', () => {
  /** What a public page says to a request with these headers. */
  function answerTo(headers: IncomingHttpHeaders, options: HttpModuleOptions = {}): string {
    const settings = httpSettings.resolveGiven({ ...options, rules: { '/**': 'page' } })
    const request = Object.assign(new IncomingMessage(new Socket()), { headers })
    const response = new ServerResponse(request)
    const app = { handler: () => response.writeHead(200) } as unknown as Pick<App, 'handler'>
    wrapWithHttpRules(app, {
      ...settings,
      ruleOf: () => settings.rules.get('/**') || undefined,
      publicFile: () => undefined,
      buildAssets: '/_nuxt/',
      onTooManyTags: () => {},
    })
    void app.handler({ path: '/', node: { req: request, res: response } } as never)
    return String(response.getHeader('cache-control'))
  }

  it.each(['authorization', 'proxy-authorization', 'x-api-key', 'x-auth-token'])('may be in %s', (name) => {
    expect(answerTo({ [name]: 'anna' })).toBe('private, no-store')
  })

  it('are in no other header, unless the option says so', () => {
    expect(answerTo({ 'x-request-id': '7' })).toMatch(/^public/)
    expect(answerTo({ 'x-shop-key': 'anna' }, { credentialHeaders: ['X-Shop-Key'] })).toBe('private, no-store')
    expect(answerTo({ 'x-api-key': 'anna' }, { credentialHeaders: ['X-Shop-Key'] })).toMatch(/^public/)
  })

  it('are always in Authorization', () => {
    expect(answerTo({ authorization: 'anna' }, { credentialHeaders: [] })).toBe('private, no-store')
  })
})

describe('a rule', () => {
  it.each<[CacheClass | HttpRule, string]>([
    ['static', 'public, max-age=3600'],
    ['page', 'public, max-age=300, stale-while-revalidate=300'],
    ['api', 'private, max-age=60'],
    ['private', 'private, max-age=0, must-revalidate'],
    ['no-store', 'no-store'],
    [{ class: 'page', maxAge: '0s', sharedMaxAge: '10m', staleIfError: '1d' }, 'public, max-age=0, s-maxage=600, stale-while-revalidate=300, stale-if-error=86400, must-revalidate'],
  ])('%j says %s', (rule, cacheControl) => {
    expect(guarded({ status: 200 }, { rule: ruleOf(rule) })['cache-control']).toBe(cacheControl)
  })

  it('is immutable under the names of the build alone', () => {
    const rule = ruleOf('immutable')
    expect(guarded({ status: 200 }, { rule, isBuildFile: true, isPublicFile: true })['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(guarded({ status: 200 }, { rule, isPublicFile: true })['cache-control']).toBe('public, max-age=3600')
    expect(guarded({ status: 404, cacheControl: 'public, max-age=31536000, immutable' }, { rule })['cache-control']).toBe('private, no-store')
  })

  it('leaves alone what the handler has set, unless nothing may be stored', () => {
    expect(guarded({ status: 200, cacheControl: 'max-age=7' }, { rule: ruleOf('page') })['cache-control']).toBe('max-age=7')
    expect(guarded({ status: 200, cacheControl: 'max-age=7' }, { rule: ruleOf('no-store') })['cache-control']).toBe('no-store')
    expect(guarded({ status: 301, cacheControl: 'max-age=7' }, { rule: ruleOf('page') })['cache-control']).toBe('max-age=7')
  })

  it('says in Cache-Control how long a copy may be stale only to those who read nothing else', () => {
    const rule: HttpRule = { class: 'page', maxAge: 0, sharedMaxAge: 60 }
    const said = (cdn?: CdnTarget) => guarded({ status: 200 }, { rule: ruleOf(rule, cdn) }, cdn)['cache-control']
    const whole = 'public, max-age=0, s-maxage=60, stale-while-revalidate=300, must-revalidate'
    for (const cdn of [undefined, 'nginx'] as const) expect(said(cdn)).toBe(whole)
    for (const cdn of targets.filter(target => target !== 'nginx')) expect(said(cdn)).toBe('public, max-age=0, s-maxage=60')
  })

  it('says the same with a 304 as with its 200', () => {
    const rule = ruleOf({ class: 'page', vary: ['Accept-Language'] }, 'fastly')
    expect(guarded({ status: 304 }, { rule }, 'fastly')).toEqual(guarded({ status: 200 }, { rule }, 'fastly'))
  })

  it.each<[CdnTarget, string]>([
    ['generic', 'public, max-age=600, stale-while-revalidate=300'],
    ['nginx', '600'],
    ['cloudflare', 'public, max-age=600, stale-while-revalidate=300'],
    ['fastly', 'max-age=600, stale-while-revalidate=300'],
    ['netlify', 'public, max-age=600, stale-while-revalidate=300, durable'],
    ['vercel', 'public, max-age=600, stale-while-revalidate=300'],
  ])('tells %s in its own header', (cdn, value) => {
    const headers = guarded({ status: 200 }, { rule: ruleOf({ class: 'page', sharedMaxAge: '10m' }, cdn) }, cdn)
    expect(headers[cdnHeaders[cdn]]).toBe(value)
    expect(guarded({ status: 200 }, { rule: ruleOf('api', cdn) }, cdn)[cdnHeaders[cdn]]).toBeUndefined()
  })
})

describe('a cached route', () => {
  /** What is said of a response that is fresh for 60 s and may be served for 30 s more. */
  function told(cdn: CdnTarget | undefined, { age, change, ...request }: Partial<GuardedRequest> & { age?: number, change?: string } = {}) {
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    applySharedLifetime(response, { fresh: 60, stale: 30 })
    if (age !== undefined) response.setHeader('age', String(age))
    if (change) response.setHeader('cache-control', change)
    const rest = { rule: ruleOf('api', cdn), hasCredentials: false, hasSession: false, isPublicFile: false, isBuildFile: false }
    guardPrivateResponse(response, { ...rest, ...request }, cdn)
    const headers = response.getHeaders()
    return [headers['cache-control'], cdn && headers[cdnHeaders[cdn]]]
  }

  it.each<[CdnTarget | undefined, string, string | undefined]>([
    [undefined, 'max-age=0, s-maxage=60', undefined],
    ['generic', 'public, max-age=0, s-maxage=60', 'public, max-age=60, stale-while-revalidate=30'],
    ['cloudflare', 'public, max-age=0, s-maxage=60', 'public, max-age=60, stale-while-revalidate=30'],
    ['fastly', 'public, max-age=0, s-maxage=60', 'max-age=60, stale-while-revalidate=30'],
    // nginx reads stale-while-revalidate here alone, and must-revalidate keeps browsers from it.
    ['nginx', 'public, max-age=0, s-maxage=60, stale-while-revalidate=30, must-revalidate', '60'],
  ])('behind %s says %s, and %s in its own header', (cdn, cacheControl, own) => {
    expect(told(cdn)).toEqual([cacheControl, own])
  })

  it('takes its age off what nginx is told, which reads no Age', () => {
    expect(told('nginx', { age: 25 })[1]).toBe('35')
    expect(told('nginx', { age: 75 })[1]).toBe('0')
    expect(told('fastly', { age: 25 })[1]).toBe('max-age=60, stale-while-revalidate=30')
  })

  it('says nothing to a shared cache where the response is personal, or somebody changed what it says', () => {
    for (const cdn of targets) {
      expect(told(cdn, { hasCredentials: true })).toEqual(['private, no-store', undefined])
      expect(told(cdn, { change: 'private, max-age=9' })).toEqual(['private, max-age=9', undefined])
    }
  })
})

describe('the options', () => {
  it('begin with five rules', () => {
    expect([...httpSettings.resolveGiven({}).rules.keys()]).toEqual(['/_nuxt/**', '/api/realtime/**', '/api/static/**', '/api/**', '/**'])
    expect([...httpSettings.resolveGiven({ preset: false, rules: { '/a': false } }).rules]).toEqual([['/a', false]])
  })

  it.each(['session', 'connect.sid', 'PHPSESSID', '__session', 'nuxt-session', 'sb-access-token', 'auth._token', 'jwt'])('know the cookie %s', (name) => {
    expect(httpSettings.resolveGiven({}).isSessionCookie(name)).toBe(true)
  })

  it.each(['_ga', 'theme', 'i18n_redirected'])('do not take the cookie %s for a session', (name) => {
    expect(httpSettings.resolveGiven({}).isSessionCookie(name)).toBe(false)
  })

  it.each([
    [{ rule: {} }, 'scale.http.rule is not an option'],
    [{ cdn: 'akamai' }, 'scale.http.cdn is "akamai"'],
    [{ rules: { '/a': 'forever' } }, 'scale.http.rules[\'/a\'].class is "forever"'],
    [{ rules: { '/a': { maxage: 1 } } }, 'rules[\'/a\'].maxage is not an option'],
    [{ rules: { '/a': { class: 'no-store', maxAge: 1 } } }, '.maxAge has no effect with the class no-store'],
    [{ rules: { '/a': { class: 'api', sharedMaxAge: 1 } } }, '.sharedMaxAge has no effect with the class api'],
    [{ rules: { '/a': { maxAge: -1 } } }, '.maxAge is -1'],
    [{ rules: { '/a': { vary: ['accept language'] } } }, '.vary is'],
    [{ rules: { '/a': 7 } }, 'rules[\'/a\'] is 7: write false, a class'],
    [{ credentialHeaders: 'x-api-key' }, 'scale.http.credentialHeaders is "x-api-key": write a list of request headers'],
    [{ credentialHeaders: ['x api key'] }, 'scale.http.credentialHeaders is ["x api key"]'],
    [{ sessionCookies: 'session' }, 'scale.http.sessionCookies is "session": write a list'],
  ])('refuse %j', (options, message) => {
    expect(() => httpSettings.resolveGiven(options as never)).toThrow(message)
  })
})
