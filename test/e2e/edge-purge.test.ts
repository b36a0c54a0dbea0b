import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HttpAnswer, HttpClient } from '../support/http-client'
import { createClient } from '../support/http-client'
import { buildFixture, startNuxt } from '../support/nuxt'
import type { NuxtInstance } from '../support/nuxt'
import { freePort } from '../support/ports'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import type { FrontServer } from '../support/front'
import { startVarnish } from '../support/varnish'
import { waitFor } from '../support/wait'

/** As in the fixture, and time enough for it to be done. */
const AGAIN_AFTER = 500

let output: string
let redis: RedisServer
let varnish: FrontServer
let instances: NuxtInstance[]
let clients: HttpClient[]
let front: HttpClient

/** The configuration of the documentation, in front of both instances. */
function configuration(ports: number[]): string {
  const page = readFileSync(new URL('../../docs/content/15.http.md', import.meta.url), 'utf8')
  const written = /```vcl\n(.*?)```/s.exec(page)![1]!
  const backends = ports.map((port, index) => `backend app${index} { .host = "127.0.0.1"; .port = "${port}"; }`).join('\n')
  const vcl = written.replace(/backend default \{.*?\n\}/s, `import directors;\n${backends}\nsub vcl_init { new all = directors.round_robin(); ${ports.map((_, index) => `all.add_backend(app${index});`).join(' ')} }`)
  expect(vcl).not.toBe(written)
  return `${vcl}\nsub vcl_recv { set req.backend_hint = all.backend(); }\nsub vcl_deliver { set resp.http.x-hits = obj.hits; }\n`
}

beforeAll(async () => {
  output = await buildFixture('test/fixtures/edge')
  redis = await startRedis()
  const ports = await Promise.all([freePort(), freePort()])
  varnish = await startVarnish(configuration(ports))
  instances = await Promise.all(ports.map(port => startNuxt(output, { port, env: { NUXT_SCALE_REDIS_URL: redis.url, NUXT_SCALE_HTTP_PURGE_URL: `http://127.0.0.1:${varnish.port}` } })))
  clients = instances.map(({ port }) => createClient(port))
  front = createClient(varnish.port)
  for (const instance of instances) await waitFor(async () => (await (await instance.fetch('/api/health')).json()).status === 'ok')
})

afterAll(async () => {
  for (const client of [...clients ?? [], front]) client?.close()
  await Promise.all(instances?.map(instance => instance.stop()) ?? [])
  await varnish?.stop()
  await redis?.stop()
})

const as = (tenant: string) => ({ 'x-tenant-id': tenant })
const hits = ({ headers }: HttpAnswer) => Number(headers['x-hits'])
const versionOf = ({ body }: HttpAnswer) => (JSON.parse(body) as { version: string }).version

async function write(tenant: string, name: string, version: number): Promise<void> {
  await redis.client().set(`version:${tenant}:${name}`, version)
}

let asked = 0
/** Whatever instance it is asked of. */
async function invalidate(tenant: string, body: { tags?: string[], keys?: string[], tenant?: string }): Promise<void> {
  const instance = instances[asked++ % 2]!
  const response = await instance.fetch('/api/invalidate', { method: 'POST', headers: { 'content-type': 'application/json', ...as(tenant) }, body: JSON.stringify(body) })
  expect([response.status, await response.text()]).toEqual([200, 'done'])
}

describe('Varnish in front of two instances', () => {
  it.each<[string, string, { tags?: string[], keys?: string[] }]>([
    ['a tag of a cached handler', '/api/catalog/1', { tags: ['catalog'] }],
    ['a tag that is named in a cached handler', '/api/catalog/2', { tags: ['item 2'] }],
    ['a tag of a route rule', '/api/catalog/ruled', { tags: ['catalog'] }],
    ['the key of a route', '/api/catalog/3', { keys: ['route:/api/catalog/3'] }],
    ['the key of a route with a query', '/api/catalog/4?b=2&a=1', { keys: ['route:/api/catalog/4?a=1&b=2'] }],
    ['a tag of a route that only Varnish keeps', '/api/shared/labelled', { tags: ['catalog'] }],
    ['a tag of characters that mean something to it', '/api/shared/labelled', { tags: ['shelf, "A" (|)'] }],
  ])('is fresh at the next request after each invalidation by %s', async (_, path, what) => {
    const name = /\w+(?=\?|$)/.exec(path)![0]
    const stale: string[] = []
    let kept = 0
    for (let version = 1; version <= 25; version++) {
      await write('acme', name, version)
      await invalidate('acme', what)
      for (let again = 0; again < 3; again++) {
        const answer = await front.request(path, { headers: as('acme') })
        if (versionOf(answer) !== `acme ${version}`) stale.push(`${version}: ${answer.body}`)
        if (hits(answer) > 0) kept++
      }
    }
    expect(stale).toEqual([])
    // Now and then the second purge comes between two requests.
    expect(kept).toBeGreaterThan(30)
  })

  it('keeps the copies of one tenant when another\'s are purged, until all are', async () => {
    const path = '/api/catalog/tenants'
    const ask = async (tenant: string) => hits(await front.request(path, { headers: as(tenant) }))
    for (const tenant of ['acme', 'globex']) expect([await ask(tenant), await ask(tenant)]).toEqual([0, 1])
    await invalidate('acme', { tags: ['item tenants'] })
    expect([await ask('globex'), await ask('acme')]).toEqual([2, 0])
    await invalidate('globex', { tags: ['item tenants'], tenant: 'acme' })
    expect([await ask('globex'), await ask('acme')]).toEqual([3, 0])
    await invalidate('main', { tags: ['item tenants'], tenant: '*' })
    expect([await ask('globex'), await ask('acme')]).toEqual([0, 0])
  })

  it('is purged again of what was under way at an invalidation', async () => {
    const path = '/api/catalog/slow?wait=300'
    await write('acme', 'slow', 1)
    const late = front.request(path, { headers: as('acme') })
    await new Promise(resolve => setTimeout(resolve, 100))
    await write('acme', 'slow', 2)
    await invalidate('acme', { tags: ['item slow'] })
    expect(versionOf(await late)).toBe('acme 1')
    await waitFor(async () => versionOf(await front.request(path, { headers: as('acme') })) === 'acme 2', { timeout: AGAIN_AFTER + 3000 })
  })

  it('serves nothing old to many readers, once each invalidation was given its time', async () => {
    const path = '/api/catalog/busy'
    let version = 0
    /** Every answer from here on must be of this version at least. */
    let settled = 0
    let answers = 0
    let running = true
    const stale: string[] = []
    async function reader(): Promise<void> {
      while (running) {
        const least = settled
        const answer = await front.request(path, { headers: as('acme') })
        answers++
        if (Number(versionOf(answer).split(' ')[1]) < least) stale.push(`${answer.body} after ${least}`)
      }
    }
    const readers = Array.from({ length: 8 }, reader)
    for (let round = 0; round < 4; round++) {
      await write('acme', 'busy', ++version)
      await invalidate('acme', { tags: ['item busy'] })
      const written = version
      await new Promise(resolve => setTimeout(resolve, AGAIN_AFTER + 300))
      settled = written
    }
    running = false
    await Promise.all(readers)
    expect(stale).toEqual([])
    expect(answers).toBeGreaterThan(100)
  })

  it('keeps no response with more tags than it can be told, and shows no visitor the tags of others', async () => {
    for (const again of [0, 0, 0]) {
      const answer = await front.request('/api/shared/many', { headers: as('acme') })
      expect(hits(answer)).toBe(again)
      expect(answer.headers['cache-control']).toBe('private, no-cache')
    }
    expect(instances.flatMap(instance => instance.logs()).filter(line => line.includes('more cache tags than'))).not.toEqual([])
    const answer = await front.request('/api/shared/labelled', { headers: as('globex') })
    expect(answer.headers['surrogate-key']).toBeUndefined()
    const { headers } = await clients[0]!.request('/api/shared/labelled', { headers: as('globex') })
    expect(headers['surrogate-key']).toBe('globex|catalog %|catalog globex|shelf%2C%20%22A%22%20%28%7C%29 %|shelf%2C%20%22A%22%20%28%7C%29')
  })

  it('is not told by a response that must not be shared', async () => {
    const { headers } = await clients[0]!.request('/api/shared/labelled', { headers: { ...as('acme'), authorization: 'me' } })
    expect(headers).toMatchObject({ 'cache-control': 'private, no-store' })
    expect(headers['surrogate-key']).toBeUndefined()
  })

  it('is purged of what was invalidated just before the server ended', async () => {
    const path = '/api/catalog/last'
    const leaving = await startNuxt(output, { env: { NUXT_SCALE_REDIS_URL: redis.url, NUXT_SCALE_HTTP_PURGE_URL: `http://127.0.0.1:${varnish.port}`, NUXT_SCALE_HTTP_PURGE_RATE: '0.01', NUXT_SCALE_HTTP_PURGE_BURST: '1', NUXT_SCALE_HTTP_PURGE_WAIT: '1ms' } })
    const quick = (tag: string) => leaving.fetch('/api/invalidate', { method: 'POST', headers: { 'content-type': 'application/json', ...as('acme') }, body: JSON.stringify({ tags: [tag] }) }).then(response => response.text())
    await write('acme', 'last', 1)
    await front.request(path, { headers: as('acme') })
    await waitFor(async () => (await leaving.fetch('/api/health')).ok)
    await write('acme', 'last', 2)
    // The first takes the only call that the rate allows.
    await quick('other')
    await quick('item last')
    await leaving.stop()
    expect(versionOf(await front.request(path, { headers: as('acme') }))).toBe('acme 2')
  })
})
