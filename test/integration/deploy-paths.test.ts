import fc from 'fast-check'
import { toNodeListener } from 'h3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { renderCaddy } from '../../src/deploy/caddy'
import { renderHaproxy } from '../../src/deploy/haproxy'
import { renderNginx } from '../../src/deploy/nginx'
import { wrapWithHttpRules } from '../../src/runtime/server/http/wrap'
import { startBalancer } from '../support/balancer'
import type { FrontServer } from '../support/front'
import type { HttpClient } from '../support/http-client'
import { createClient } from '../support/http-client'
import { startNginxWith } from '../support/nginx'
import type { Origin } from '../support/origin'
import { startOrigin } from '../support/origin'
import { freePort } from '../support/ports'
import { createRoutedApp, homes, rules } from '../support/routed-app'
import { spellings } from '../support/spellings'
import { nginxTarget, topologyOf } from '../support/topology'

const SPELLINGS = 1200
/** What the limit of the edge is for, and the handlers behind it. */
const limited = { '/api/limited': '/api/limited', '/api/Case': '/api/Case', '/login': '/login', '/admin/**': '/admin/:id()', '/account': '/account' }

const starters = {
  nginx: (port: number, origin: number) => startNginxWith(port, folder => renderNginx(topologyOfEdge(port, origin, folder('cache')), nginxTarget)),
  haproxy: (port: number, origin: number) => startBalancer('haproxy', renderHaproxy(topologyOfEdge(port, origin)), port),
  caddy: (port: number, origin: number) => startBalancer('caddy', renderCaddy(topologyOfEdge(port, origin)), port),
}

function topologyOfEdge(port: number, origin: number, cache?: string) {
  return topologyOf({ deploy: {
    listen: { http: port, ipv6: false },
    servers: [{ host: '127.0.0.1', port: origin }],
    rateLimit: { limit: 1, window: '60s', burst: 0, paths: Object.keys(limited) },
    cache: cache === undefined ? false : { path: cache, shared: ['/api/open/**'] },
  } })
}

let origin: Origin

beforeAll(async () => {
  const app = createRoutedApp()
  wrapWithHttpRules(app, {
    ruleOf: rules.classOf,
    publicFile: () => undefined,
    buildAssets: '/_nuxt/',
    isSessionCookie: () => false,
    credentialHeaders: [],
    cdn: undefined,
    tags: undefined,
    onTooManyTags: () => {},
  })
  origin = await startOrigin(toNodeListener(app))
})
afterAll(() => origin?.close())

/** What a spelling got, and from which handler; `none` when the front or the router refused it. */
interface Visit {
  spelling: string
  status: number
  handler: string
  cacheControl: string
}

describe.each(Object.keys(starters) as (keyof typeof starters)[])('behind the generated %s', (program) => {
  let front: FrontServer
  let client: HttpClient
  let visits: Visit[]

  beforeAll(async () => {
    front = await starters[program](await freePort(), origin.port)
    client = createClient(front.port)
    // The limit is exhausted before anything counts.
    for (let index = 0; index < 3; index++) await client.request('/api/limited')
    const texts = fc.sample(spellings(Object.values(homes)), SPELLINGS)
    visits = []
    for (let at = 0; at < texts.length; at += 20) visits.push(...await Promise.all(texts.slice(at, at + 20).map(visit)))
  })
  afterAll(async () => {
    client?.close()
    await front?.stop()
  })

  async function visit(spelling: string): Promise<Visit> {
    const { status, body, headers } = await client.request(spelling)
    return { spelling, status, handler: status === 200 && body in homes ? body : 'none', cacheControl: headers['cache-control'] ?? '' }
  }

  it(`no handler is reached with a weaker cache class by any of ${SPELLINGS} spellings`, () => {
    const reached = visits.filter(({ handler }) => handler !== 'none' && !handler.includes('*'))
    const weaker = reached.filter(({ handler, cacheControl }) => rankOf(cacheControl) > rankOf(rules.classOf(homes[handler]!)?.cacheControl ?? ''))
    expect(weaker).toEqual([])
    expect(reached.length).toBeGreaterThan(SPELLINGS / 10)
  })

  // Caddy has no limit.
  if (program !== 'caddy') {
    it('an exhausted limit is met by all of them, and by nothing that it is not for', async () => {
      const behind = Object.values(limited)
      expect(visits.filter(({ handler }) => behind.includes(handler))).toEqual([])
      expect(visits.filter(({ status }) => status === 429).length).toBeGreaterThan(SPELLINGS / 5)
      const others = ['/robots.txt', '/api/users/7', '/Shop', '/somewhere', '/%72obots.txt', '/api/users/7/', '/api/health/ready']
      expect(await Promise.all(others.map(async path => [path, (await client.request(path)).status]))).toEqual(others.map(path => [path, 200]))
    })
  }
})

function rankOf(cacheControl: string): number {
  return cacheControl.includes('no-store') ? 0 : cacheControl.startsWith('private') ? 1 : 2
}
