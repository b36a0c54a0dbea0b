import { renameSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import { serializeSlotMap } from '../../src/runtime/server/shards/stored-map'
import { createClient } from '../support/http-client.ts'
import type { HttpClient } from '../support/http-client.ts'
import { startPostgres } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres.ts'
import { generatePrisma, itemTable } from '../support/prisma.ts'
import { buildFixture, startNuxt } from '../support/nuxt.ts'
import type { NuxtInstance } from '../support/nuxt.ts'
import { startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { createTemporaryDirectory } from '../support/temporary-directory.ts'
import { waitFor } from '../support/wait.ts'

const fixture = new URL('../fixtures/tenancy', import.meta.url).pathname
const TENANTS = 50
const SHARDS = ['eu', 'us', 'asia', 's4', 's5', 's6', 's7', 's8']
const tenantOf = (index: number) => `tenant-${index}`

let redis: RedisServer
let postgres: PostgresServer
let databases: NodeJS.ProcessEnv
let output: string
let instances: NuxtInstance[]
let clients: HttpClient[]

async function start(env: NodeJS.ProcessEnv): Promise<{ instance: NuxtInstance, client: HttpClient }> {
  const instance = await startNuxt(output, { env: { NUXT_SCALE_TENANCY_TRUSTED_PROXIES: '["127.0.0.1"]', ...databases, ...env } })
  return { instance, client: createClient(instance.port) }
}

beforeAll(async () => {
  await generatePrisma(fixture)
  output = await buildFixture(fixture)
  ;[redis, postgres] = await Promise.all([startRedis(), startPostgres({ maxConnections: 80 })])
  await fillDatabases()
  const started = await Promise.all([1, 2].map(() => start({ NUXT_SCALE_REDIS_URL: redis.url })))
  instances = started.map(({ instance }) => instance)
  clients = started.map(({ client }) => client)
})

afterAll(async () => {
  for (const client of clients ?? []) client.close()
  await Promise.all(instances?.map(instance => instance.stop()) ?? [])
  await Promise.all([redis?.stop(), postgres?.stop()])
})

/** A schema for each tenant and a database for each shard, each with one row that bears its name. */
async function fillDatabases(): Promise<void> {
  await postgres.createDatabases('tenants', ...SHARDS)
  await postgres.createSchemas('tenants', ...Array.from({ length: TENANTS }, (_, index) => `tenant_${index}`))
  const row = (name: string, schema: string) => `set role app; set search_path to ${schema}; ${itemTable}; insert into "Item" (name) values ('${name}'); reset role`
  await postgres.query(Array.from({ length: TENANTS }, (_, index) => row(tenantOf(index), `tenant_${index}`)).join(';'), 'tenants')
  for (const shard of SHARDS) await postgres.query(`grant all on schema public to app; ${row(shard, 'public')}`, shard)
  databases = {
    DATABASE_URL_TENANTS: postgres.url('tenants'),
    ...Object.fromEntries(SHARDS.map(shard => [`DATABASE_URL_${shard.toUpperCase()}`, postgres.url(shard)])),
  }
}

const get = (path: string, headers: Record<string, string | string[]> = {}, client = clients[0]!) => client.request(path, { headers })
const as = (tenant: string) => ({ 'x-tenant-id': tenant })
const json = (body: string) => JSON.parse(body) as Record<string, unknown>

describe('a preflight', () => {
  const preflight = { 'origin': 'https://shop.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'x-tenant-id' }
  const ask = (path: string, headers: Record<string, string>, method = 'OPTIONS') => clients[0]!.request(path, { method, headers })

  it.each(['/api/crossed/every', '/api/crossed/read', '/api/crossed/cached', '/api/crossed/nothing', '/page'])('to %s needs no tenant, and reaches no handler', async (path) => {
    for (const named of [{}, as('nobody'), { host: 'nobody.shop.example' }] as Record<string, string>[]) {
      const { status, body, headers } = await ask(path, { ...preflight, ...named })
      expect([status, body]).toEqual([204, ''])
      if (path.startsWith('/api/')) expect(headers).toMatchObject({ 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' })
    }
  })

  it('is answered by the handler that is there for it', async () => {
    const { status, body, headers } = await ask('/api/crossed/own', preflight)
    expect([status, body, headers['access-control-allow-origin']]).toEqual([200, 'own of nobody', 'https://own.example'])
  })

  it('has its tenant where it can name one', async () => {
    expect((await ask('/api/crossed/own', { ...preflight, host: 'tenant-1.shop.example' })).body).toBe('own of tenant-1')
    expect(json((await ask('/api/crossed/every', { ...preflight, host: 'tenant-1.shop.example' })).body)).toEqual({ rows: 'tenant-1' })
  })

  it('is that and nothing else: whatever looks like one is refused without a tenant', async () => {
    for (const name of ['origin', 'access-control-request-method'] as const) {
      const { [name]: _, ...rest } = preflight
      expect((await ask('/api/crossed/every', rest)).status).toBe(400)
    }
    for (const method of ['GET', 'POST', 'DELETE']) expect((await ask('/api/crossed/every', preflight, method)).status).toBe(400)
  })
})

describe('a request and its tenant', () => {
  it('named by the header, by the host or by both', async () => {
    for (const headers of [as('tenant-1'), { host: 'tenant-1.shop.example' }, { ...as('tenant-1'), host: 'TENANT-1.shop.example:80' }] as Record<string, string>[]) {
      const { status, body } = await get('/api/who', headers)
      expect(status).toBe(200)
      expect(json(body)).toMatchObject({ tenant: 'tenant-1', here: 'tenant-1', hasDatabase: true })
    }
  })

  it.each<[string, Record<string, string | string[]>, number]>([
    ['none', {}, 400],
    ['an unknown one', as('nobody'), 404],
    ['an unknown subdomain', { host: 'nobody.shop.example' }, 404],
    ['two that differ', { ...as('tenant-1'), host: 'tenant-2.shop.example' }, 421],
    ['a header sent twice', { 'x-tenant-id': ['tenant-1', 'tenant-2'] }, 400],
    ['a header sent twice alike', { 'x-tenant-id': ['tenant-1', 'tenant-1'] }, 400],
    ['a malformed header', as('Tenant 1'), 400],
    ['__proto__', as('__proto__'), 400],
    ['constructor', as('constructor'), 404],
    ['a host of two labels', { host: 'a.tenant-1.shop.example' }, 404],
    ['www, which is no tenant', { host: 'www.shop.example' }, 400],
    ['two hosts', { host: ['tenant-1.shop.example', 'tenant-2.shop.example'] }, 400],
  ])('that names %s is refused', async (_, headers, status) => {
    for (const path of ['/api/who', '/page', '/api/helper?key=refused']) {
      const answer = await get(path, { accept: 'application/json', ...headers })
      expect(answer.status).toBe(status)
      expect(answer.body).not.toContain(postgres.password)
    }
  })

  it('is refused in plain words, with a page for people', async () => {
    expect(json((await get('/api/who', { accept: 'application/json' })).body).message).toBe('The request names no tenant: use the header x-tenant-id or a subdomain of shop.example.')
    const page = await get('/page', { accept: 'text/html' })
    expect(page.status).toBe(400)
    expect(page.body).toContain('<html')
  })

  it('keeps its tenant, and its entries of the cache, whatever a middleware of the app sets', async () => {
    const { instance, client } = await start({})
    try {
      const ways = ['assign', 'Object.assign', 'delete', 'define', 'replace', 'spread', 'forget', 'freeze']
      for (const [index, way] of ways.entries()) {
        const tenant = tenantOf(index + 3)
        const set = (path: string) => get(path, { ...as(tenant), 'x-test-assign': way }, client)
        expect(json((await set('/api/who')).body), way).toMatchObject({ tenant, here: tenant, hasDatabase: true })
        // The first answer of tenant-2's own address is stored under the tenant that it is for.
        const answers = await Promise.all([set(`/api/assigned?${way}`), get(`/api/assigned?${way}`, as('tenant-2'), client)])
        expect(answers.map(({ body }) => json(body).tenant), way).toEqual([tenant, 'tenant-2'])
        const again = await Promise.all([get(`/api/assigned?${way}`, as(tenant), client), get(`/api/assigned?${way}`, as('tenant-2'), client)])
        expect(again.map(({ body }) => json(body)), way).toEqual([tenant, 'tenant-2'].map(id => ({ tenant: id, here: id, database: expect.any(Number) as number })))
        expect(json((await get('/api/open/who', { 'x-test-assign': way }, client)).body), way).toEqual({ tenant: null })
      }
      await instance.logged('event.context.tenant was set by the app')
      expect(instance.logs().join('\n').match(/event\.context\.tenant was set by the app, but only scale\.tenancy may set it/g)).toHaveLength(1)
    }
    finally {
      client.close()
      await instance.stop()
    }
  })

  it('lends nothing of itself to the modules that it is the first to load', async () => {
    const ask = async (tenant: string) => json((await get('/api/module-level', as(tenant))).body) as unknown as { tenant: string, route: object[], imported: object[] }
    expect(await ask('tenant-3')).toMatchObject({ tenant: 'tenant-3' })
    await waitFor(async () => (await ask('tenant-4')).imported.length > 3)
    const { tenant, route, imported } = await ask('tenant-4')
    expect(tenant).toBe('tenant-4')
    const nobody = { tenant: 'none', hasContext: false, database: expect.stringMatching(/^getTenantPrismaClient\(\) was called outside a request/) as string }
    for (const seen of [route, imported]) expect(seen).toEqual(seen.map(() => nobody))
  })

  it('shows its database to nobody', async () => {
    const { shown } = json((await get('/api/who', as('tenant-1'))).body)
    expect(shown).toContain('tenant-1')
    expect(shown).not.toMatch(new RegExp(`${postgres.password}|postgres|DATABASE_URL`))
  })

  it('is not needed for files, build assets, health and excluded paths', async () => {
    expect((await get('/robots.txt')).body).toContain('everybody')
    expect((await get('/api/health')).status).toBe(200)
    expect(json((await get('/api/open/who', as('tenant-1'))).body)).toEqual({ tenant: null })
    const page = await get('/page', as('tenant-1'))
    const asset = /\/_nuxt\/[\w.-]+\.js/.exec(page.body)![0]
    expect((await get(asset)).status).toBe(200)
  })

  it('stays the same in requests of the server to itself, whatever their headers say', async () => {
    expect(json((await get('/api/inner', as('tenant-3'))).body)).toEqual({ tenant: 'tenant-3' })
    expect((await get('/page', as('tenant-3'))).body).toContain('page of tenant-3, which asked as tenant-3')
  })

  it('is another one inside withTenant only', async () => {
    expect(json((await get('/api/job?tenant=tenant-4', as('tenant-3'))).body)).toEqual({ tenant: 'tenant-4', ofRequest: 'tenant-3' })
    expect((await get('/api/job?tenant=nobody', as('tenant-3'))).status).toBe(404)
  })

  it('is there when a handler fails', async () => {
    const { status, body } = await get('/api/fails', { ...as('tenant-5'), accept: 'application/json' })
    expect([status, json(body).message]).toEqual([418, 'of tenant-5'])
  })
})

describe('what is written to mislead', () => {
  /** Sends bytes as they are, and gives all that comes until the connection ends. */
  function send(...parts: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: instances[0]!.port })
      let text = ''
      socket.setTimeout(20_000, () => socket.destroy(new Error('No end within 20 s.')))
      socket.on('data', (data: Buffer) => text += data.toString())
      socket.on('error', reject)
      socket.on('close', () => resolve(text))
      for (const part of parts) socket.write(part)
    })
  }
  const message = (line: string, ...headers: string[]) => `${[`${line} HTTP/1.1`, ...headers, 'accept: application/json'].join('\r\n')}\r\n\r\n`
  const alone = (line: string, ...headers: string[]) => send(message(line, ...headers, 'connection: close'))

  it.each([
    ['tenant-1.shop.example..', 400], ['tenant-1.shop.example:abc', 400], ['[::1]:3000', 400], ['[::ffff:127.0.0.1]', 400], ['::1', 400], ['tenant%2d1.shop.example', 404],
    ['tenant-1.shop.example@evil.example', 400], ['evil@tenant-1.shop.example', 404], ['tenant-1.shop.example/evil', 400], ['tenant-1.shop.example#', 400],
    ['*.shop.example', 404], ['', 400], ['x y', 400], ['__proto__', 400], ['constructor.shop.example', 404], ['xn--tnant-1.shop.example', 404],
  ])('the host %j is nobody\'s', async (host, status) => {
    expect(await alone('GET /api/who', `host: ${host}`)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  it.each(['tenant-1.shop.example:', 'TENANT-1.SHOP.EXAMPLE.:80', 'tenant-1.shop.example.'])('the host %j is that of its tenant', async (host) => {
    expect(await alone('GET /api/who', `host: ${host}`)).toContain('"tenant":"tenant-1","here":"tenant-1"')
  })

  it.each(['tenant%2d1', 'tenant-1%00', 'TENANT-1', 'tenant-1;', 'tenant-1,', '"tenant-1"', '..', 'hasOwnProperty'])('the header %j is malformed', async (header) => {
    expect(await alone('GET /api/who', 'host: nobody', `x-tenant-id: ${header}`)).toMatch(/^HTTP\/1.1 400 /)
  })

  it.each(['//api/who', '/api/open/../who', '/api/open/%2e%2e/who', '/api/open/..%2fwho', '/_nuxt/../api/who', '/_scale/../api/who', '/api/health/../who', '/robots.txt/../api/who', '/__nuxt_error?url=/api/who', 'http://tenant-2.shop.example/api/who', 'http://tenant-2.shop.example/api/open/../who'])('the path %s has no tenant, or that of its host', async (path) => {
    const nobody = await alone(`GET ${path}`, 'host: nobody')
    expect(nobody).toMatch(/^HTTP\/1.1 40[04] /)
    expect(nobody).not.toContain('"here"')
    expect(await alone(`GET ${path}`, 'host: tenant-1.shop.example')).not.toContain('"here":"tenant-2"')
  })

  it('a file is for everybody to read, and nothing else behind its name', async () => {
    expect(await alone('GET /robots.txt', 'host: nobody')).toMatch(/^HTTP\/1.1 200 /)
    expect(await alone('HEAD /robots.txt', 'host: nobody')).toMatch(/^HTTP\/1.1 200 /)
    expect(await alone('POST /robots.txt', 'host: nobody', 'content-length: 0')).toMatch(/^HTTP\/1.1 400 /)
  })

  it('requests of different tenants in one connection, sent before the answers came, stay apart', async () => {
    const requests = Array.from({ length: 300 }, (_, at) => message(`GET /api/who?${at}`, 'host: x', `x-tenant-id: ${tenantOf(at % 7)}`, 'content-length: 3', ...at === 299 ? ['connection: close'] : []) + 'abc')
    for (const parts of [[requests.join('')], requests, requests.join('').match(/[\s\S]{1,1000}/g)!]) {
      const named = [...(await send(...parts)).matchAll(/"tenant":"(tenant-\d+)","here":"(tenant-\d+)"/g)].map(([, tenant, here]) => `${tenant} ${here}`)
      expect(named).toEqual(requests.map((_, at) => `${tenantOf(at % 7)} ${tenantOf(at % 7)}`))
    }
  })
})

describe('what proxies and CDNs are told', () => {
  it('every answer varies with the header, cached, fresh, spared or refused', async () => {
    const first = await get('/api/ruled', as('tenant-6'))
    const second = await get('/api/ruled', as('tenant-6'))
    const spared = await get('/api/ruled', { ...as('tenant-6'), 'if-none-match': String(second.headers.etag) })
    expect(spared.status).toBe(304)
    const refused = await get('/api/ruled')
    for (const answer of [first, second, spared, refused, await get('/api/who', as('tenant-6')), await get('/page', as('tenant-6')), await get('/api/fails', as('tenant-6'))]) {
      expect(String(answer.headers.vary).split(', ')).toContain('x-tenant-id')
    }
  })

  it('an answer that depends on the user is private', async () => {
    const { instance, client } = await start({ TEST_FUNCTIONS: 'authorize' })
    try {
      for (const [path, lifetime] of [['/api/shared', 'max-age=60'], ['/api/ruled', 'max-age=0']] as const) {
        const { headers } = await get(path, { ...as('tenant-1'), 'x-user-of': 'tenant-1' }, client)
        expect(headers['cache-control']).toMatch(`private, ${lifetime}`)
        expect(headers['cache-control']).not.toMatch(/public|s-maxage/)
      }
      expect((await get('/api/shared', as('tenant-1'))).headers['cache-control']).toBe('public, max-age=60, s-maxage=600')
    }
    finally {
      client.close()
      await instance.stop()
    }
  })
})

describe('caches', () => {
  const surfaces = ['/api/rows', '/api/cached-rows', '/api/helper?key=one', '/api/handler', '/api/plain', '/api/function', '/api/ruled', '/api/brief', '/api/app-cache', '/api/storage']

  it.each(surfaces)('%s is kept apart', async (path) => {
    for (const index of [10, 11, 10, 11]) {
      for (const client of clients) expect(json((await get(path, as(tenantOf(index)), client)).body).tenant).toMatch(new RegExp(`^${tenantOf(index)}(,${tenantOf(index)})?$`))
    }
  })

  it('are invalidated for the current tenant, for another one, and for all when told', async () => {
    const fresh = async (index: number, path: string) => (await get(path, as(tenantOf(index)), clients[1])).headers['cache-status'] === 'nuxt-scale; fwd=miss; detail=loader'
    const warm = async () => {
      for (const index of [20, 21]) {
        for (const path of ['/api/ruled', '/api/plain']) {
          await get(path, as(tenantOf(index)), clients[1])
          await expect.poll(() => fresh(index, path)).toBe(false)
        }
      }
    }
    const invalidate = (query: string) => clients[0]!.request(`/api/invalidate?${query}`, { method: 'POST', headers: as('tenant-20') })
    for (const [query, expected] of [
      ['tag=ruled', { '20/api/ruled': true, '21/api/ruled': false, '20/api/plain': false }],
      ['pattern=route:*', { '20/api/ruled': true, '20/api/plain': true, '21/api/ruled': false, '21/api/plain': false }],
      ['tag=ruled&tenant=tenant-21', { '20/api/ruled': false, '21/api/ruled': true, '21/api/plain': false }],
      ['tag=ruled&tenant=*', { '20/api/ruled': true, '21/api/ruled': true, '21/api/plain': false }],
      ['pattern=route:/api/plain*&tenant=*', { '20/api/plain': true, '21/api/plain': true, '20/api/ruled': false }],
    ] as const) {
      await warm()
      await invalidate(query)
      for (const [target, isFresh] of Object.entries(expected)) {
        const index = Number(target.slice(0, 2))
        const path = target.slice(2)
        if (isFresh) await expect.poll(() => fresh(index, path), { message: query }).toBe(true)
        else expect(await fresh(index, path), `${query} ${target}`).toBe(false)
      }
    }
  })

  it('never give a tenant what is of another one: 20,000 requests of 50 tenants, some with forged headers', async () => {
    const paths = [...surfaces, '/api/who', '/api/inner', '/page', '/api/fails']
    const expectedStatus = { '/api/fails': 418 } as Record<string, number>
    let sent = 0
    let foreign = 0
    let forgedAnswers = 0
    const wrong: string[] = []
    async function caller(number: number): Promise<void> {
      for (;;) {
        const at = sent++
        if (at >= 20_000) return
        const tenant = tenantOf((at * 7 + number) % TENANTS)
        const other = tenantOf((at * 7 + number + 1) % TENANTS)
        const path = paths[(at * 31 + number) % paths.length]!
        const client = clients[at % 2]!
        const isForged = at % 5 === 0
        // Whoever reaches the app by a tenant's host cannot name another tenant beside it.
        const headers: Record<string, string> = isForged
          ? { 'host': `${tenant}.shop.example`, 'x-tenant-id': other }
          : at % 2 === 0 ? { host: `${tenant}.shop.example` } : { 'x-tenant-id': tenant, 'x-forwarded-host': `${other}.shop.example` }
        const { status, body } = await client.request(path, { headers: { accept: path === '/page' ? 'text/html' : 'application/json', ...headers } }).catch((error: unknown) => {
          sent = 20_000
          throw error
        })
        if (isForged) {
          forgedAnswers++
          if (status !== 421) wrong.push(`${path} ${status} forged`)
        }
        else if (status !== (expectedStatus[path] ?? 200)) {
          wrong.push(`${path} ${status} ${body.slice(0, 100)}`)
        }
        else if (!body.includes(tenant)) {
          wrong.push(`${path} without its tenant`)
        }
        // An error names the address that was asked for, which is the client's own word.
        const names = body.replace(/"url": "[^"]*"/, '').match(/tenant-\d+/g) ?? []
        if (names.some(name => name !== tenant)) foreign++
      }
    }
    await Promise.all(Array.from({ length: 64 }, (_, number) => caller(number)))
    expect({ foreign, wrong: wrong.slice(0, 3), forgedAnswers }).toEqual({ foreign: 0, wrong: [], forgedAnswers: 4000 })
    const keys = await redis.client().keys('scale:cache:*')
    expect(keys.length).toBeGreaterThan(TENANTS * 5)
    expect(keys.filter(key => !/^scale:cache:\{tenant-\d+\|/.test(key))).toEqual([])
  }, 300_000)
})

describe('what goes on behind an answer', () => {
  it('loads what is old for the tenant of its key', async () => {
    const wrong: string[] = []
    const loaded = new Map<number, Set<unknown>>()
    async function ask(index: number): Promise<void> {
      const { status, body } = await get('/api/stale-rows', as(tenantOf(index)), clients[index % 2])
      const { tenant, here, inner, load } = status === 200 ? json(body) : {}
      if (tenant !== tenantOf(index) || here !== tenant || inner !== tenant) wrong.push(`${tenantOf(index)} ${status} ${body.slice(0, 200)}`)
      loaded.set(index, (loaded.get(index) ?? new Set()).add(load))
    }
    // Until each of them was loaded three times: the first time in front of an answer, then behind one.
    await expect.poll(async () => {
      await Promise.all(Array.from({ length: 20 }, (_, index) => ask(index)))
      return Math.min(...[...loaded.values()].map(({ size }) => size))
    }, { timeout: 60_000, interval: 100 }).toBeGreaterThan(2)
    expect(wrong).toEqual([])
    expect(instances.flatMap(instance => instance.logs()).filter(line => /EVICTED|stale-rows/.test(line))).toEqual([])
  })

  it('has the tenant of its request, and inside withTenant the one that was named, also after errors', async () => {
    for (const index of [30, 31]) await get(`/api/background?other=${tenantOf(index + 5)}`, as(tenantOf(index)))
    for (const index of [30, 31]) {
      const [own, other] = [tenantOf(index), tenantOf(index + 5)]
      await expect.poll(async () => json((await get('/api/background?read', as(own))).body).seen, { timeout: 10_000 }).toEqual([own, own, own, other, other, other, own, own])
    }
  })

  it('does not put rows of one tenant into the cache of another', async () => {
    const { status, body } = await get('/api/mixed?tenant=tenant-41', { ...as('tenant-40'), accept: 'application/json' })
    expect([status, json(body).message]).toEqual([500, 'There is no database for this request.'])
    const sentence = 'The event passed to getTenantPrismaClient() belongs to another tenant than the current one: pass the tenant\'s id instead of the event.'
    await waitFor(() => instances.some(instance => instance.logs().join('\n').includes(`GET /api/mixed was answered with 500 DATABASE_UNKNOWN: ${sentence}`)))
    expect(json((await get('/api/mixed?tenant=tenant-40', as('tenant-40'))).body)).toEqual({ tenant: 'tenant-40' })
  })
})

it('a variable with the address of one tenant or shard leaves its schema and its replicas', async () => {
  const { instance, client } = await start({ DATABASE_URL_TENANTS: '', NUXT_SCALE_TENANCY_MAP_TENANT_3: postgres.url('tenants'), NUXT_SCALE_SHARDS_MAP_EU: postgres.url('us') })
  try {
    expect(json((await get('/api/rows', as('tenant-3'), client)).body)).toEqual({ tenant: 'tenant-3,tenant-3' })
    expect((await get('/api/open/shard?region=EU', {}, client)).body).toContain('"us"')
  }
  finally {
    client.close()
    await instance.stop()
  }
})

describe('functions of scale.config.ts', () => {
  it('find tenants, say who may act for them, and list more of them', async () => {
    const { instance, client } = await start({ TEST_FUNCTIONS: 'tenant authorize tenants', NUXT_SCALE_TENANCY_TRUSTED_PROXIES: '', NUXT_SCALE_TENANCY_IGNORE_SUBDOMAINS: '["app"]' })
    try {
      const status = async (path: string, headers: Record<string, string>) => (await get(path, headers, client)).status
      expect(await status('/api/who', { ...as('tenant-1'), 'x-user-of': 'tenant-1' })).toBe(200)
      expect(await status('/api/who', { ...as('tenant-1'), 'x-user-of': 'tenant-2' })).toBe(403)
      expect(await status('/api/who', as('tenant-1'))).toBe(403)
      expect([await status('/api/who', { host: 'app.shop.example' }), await status('/api/who', { host: 'www.shop.example' })]).toEqual([400, 404])
      const found = await get('/api/who?as=tenant-2', { ...as('tenant-1'), 'x-user-of': 'tenant-2' }, client)
      expect(json(found.body)).toMatchObject({ tenant: 'tenant-2' })
      expect(json((await get('/api/who', { ...as('found-9'), 'x-user-of': 'found-9' }, client)).body)).toMatchObject({ tenant: 'found-9', hasDatabase: true })
      expect(await status('/api/who', { ...as('lost-9'), 'x-user-of': 'lost-9' })).toBe(404)
      const failed = await get('/api/who', { ...as('fails'), 'x-user-of': 'fails', 'accept': 'application/json' }, client)
      expect([failed.status, failed.headers['retry-after']]).toEqual([503, '1'])
      expect(json(failed.body)).toMatchObject({ message: 'The tenant of this request cannot be looked up now. Try again later.', data: { code: 'TENANTS_UNAVAILABLE' } })
      await instance.logged('GET /api/who was answered with 503 TENANTS_UNAVAILABLE: tenants() of server/scale.config.ts failed. (no connection to …)')
      expect(failed.body + instance.logs().join('\n')).not.toContain(postgres.password)
      const page = await get('/page', { ...as('fails'), 'x-user-of': 'fails', 'accept': 'text/html' }, client)
      expect([page.status, page.headers['retry-after'], page.body.includes('TENANTS_UNAVAILABLE')]).toEqual([503, '1', true])
      expect(page.body).not.toMatch(/scale\.config|tenants\(\)|postgres|127\.0\.0\.1:/)
    }
    finally {
      client.close()
      await instance.stop()
    }
  })
})

describe('a server whose tenants anybody could name', () => {
  it.each([
    [{ NUXT_SCALE_TENANCY_TRUSTED_PROXIES: '' }, 'scale.tenancy.trustedProxies'],
    [{ NUXT_SCALE_TENANCY_TRUSTED_PROXIES: '["10.0.0.0/99"]' }, 'scale.tenancy.trustedProxies'],
    [{ NUXT_SCALE_TENANCY_UNKNOWN: '200' }, 'scale.tenancy.unknown'],
    [{ NUXT_SCALE_TENANCY_FROM: '["domain"]' }, 'write tenantByDomain() in server/scale.config.ts'],
    [{ NUXT_SCALE_TENANCY_FROM: '["header"]', TEST_FUNCTIONS: 'domains' }, 'tenantByDomain() of server/scale.config.ts would never be called'],
  ])('does not start with %j', async (env, option) => {
    await expect(start(env)).rejects.toThrow(option)
  })

  it('ignores the header of those that are no proxies', async () => {
    const { instance, client } = await start({ NUXT_SCALE_TENANCY_TRUSTED_PROXIES: '["10.0.0.0/8"]', NUXT_SCALE_TENANCY_DEFAULT: 'tenant-9' })
    try {
      expect(json((await get('/api/who', as('tenant-1'), client)).body)).toMatchObject({ tenant: 'tenant-9' })
      expect(json((await get('/api/who', { ...as('tenant-1'), host: 'tenant-2.shop.example' }, client)).body)).toMatchObject({ tenant: 'tenant-2' })
    }
    finally {
      client.close()
      await instance.stop()
    }
  })
})

it('health looks at every shard and at the database of the default tenant, and of no other', async () => {
  const { instance, client } = await start({ NUXT_SCALE_TENANCY_DEFAULT: 'tenant-1', NUXT_SCALE_HEALTH_DETAILS: 'always' })
  const passes = { status: 'ok', level: 'degraded', milliseconds: expect.any(Number) as number }
  const names = ['tenant tenant-1', ...['eu', 'us', 'asia', 's4', 's5', 's6', 's7', 's8'].map(shard => `shard ${shard}`)]
  await expect.poll(async () => (json((await get('/api/health', {}, client)).body) as { checks: object }).checks, { timeout: 10_000 })
    .toEqual(Object.fromEntries(names.map(name => [name, passes])))
  client.close()
  await instance.stop()
})

describe('read replicas of tenants and shards', () => {
  it('are read where asked to, not after a write of that user, and not when they are gone', async () => {
    const replicas = await startPostgres()
    const row = (schema: string, name: string) => `create schema if not exists ${schema} authorization app; set role app; set search_path to ${schema}; ${itemTable}; insert into "Item" (name) values ('${name}'); reset role`
    await replicas.query(`grant all on schema public to app; ${row('tenant_1', 'copy of tenant-1')}; ${row('tenant_2', 'copy of tenant-2')}; ${row('public', 'copy of eu')}`, 'app')
    const { instance, client } = await start({ TEST_FUNCTIONS: 'tenants', DATABASE_URL_TENANTS_REPLICA: replicas.url(), DATABASE_URL_EU_REPLICA: replicas.url(), NUXT_SCALE_SECRET: 'a text that signs cookies' })
    const read = async (path: string, headers: Record<string, string>) => json((await get(path, headers, client)).body)
    const targets = [
      { path: '/api/copies', headers: as('tenant-1'), primary: 'tenant-1', copy: 'copy of tenant-1', also: 'job' },
      { path: '/api/copies', headers: as('tenant-2'), primary: 'tenant-2', copy: 'copy of tenant-2', also: 'job' },
      { path: '/api/copies', headers: as('copied'), primary: 'tenant-1', copy: 'copy of tenant-1', also: 'job' },
      { path: '/api/open/copies', headers: {}, primary: 'eu', copy: 'copy of eu', also: 'scattered' },
    ]
    try {
      for (const { path, headers, primary, copy, also } of targets) {
        const fromPrimary = { reader: primary, auto: primary, writer: primary, [also]: primary }
        const fromReplica = { reader: copy, auto: copy, writer: primary, [also]: copy }
        await expect.poll(() => read(path, headers), { message: `${path} ${primary}`, timeout: 10_000 }).toEqual(fromReplica)
        const written = await client.request(path, { method: 'POST', headers })
        expect(json(written.body)).toEqual(fromPrimary)
        const cookie = written.headers['set-cookie']![0]!.split(';')[0]!
        expect(await read(path, { ...headers, cookie })).toEqual(fromPrimary)
        expect(await read(path, headers)).toEqual(fromReplica)
        expect((await get(path, headers, client)).headers['set-cookie']).toBeUndefined()
      }
      // A write that ended in an error may have happened, and one inside the server is that of the same user.
      for (const query of ['fails', 'inner']) {
        const answer = await client.request(`/api/copies?${query}`, { method: 'POST', headers: as('tenant-1') })
        expect([answer.status, answer.headers['set-cookie']]).toEqual([query === 'fails' ? 418 : 200, [expect.stringMatching(/^scale-primary=/)]])
      }
      await replicas.stop()
      for (const { path, headers, primary, also } of targets) {
        await expect.poll(() => read(path, headers), { timeout: 15_000 }).toEqual({ reader: primary, auto: primary, writer: primary, [also]: primary })
      }
      expect(instance.logs().join('\n')).not.toContain(replicas.password)
    }
    finally {
      client.close()
      await instance.stop()
      await replicas.stop()
      for (const database of ['tenants', 'eu']) {
        await postgres.query(`do $$ declare place text; begin for place in select schemaname from pg_tables where tablename = 'Item' loop execute format('delete from %I."Item" where name = ''written''', place); end loop; end $$`, database)
      }
    }
  })
})

describe('shards', () => {
  it.each([['EU', 'eu'], ['ca', 'us'], ['AU', 'asia'], ['XX', 'eu'], ['s7', 's7']])('of the region %s is %s', async (region, shard) => {
    expect(json((await get(`/api/open/shard?region=${region}`)).body)).toEqual({ named: shard, rows: [shard] })
  })

  it('of users and keys are the same for all instances, and all are used', async () => {
    const used = new Set<unknown>()
    for (let id = 0; id < 60; id++) {
      const answers = await Promise.all(clients.map(client => get(`/api/open/shard?${id % 2 ? 'user' : 'key'}=id-${id}`, {}, client)))
      const [first, second] = answers.map(({ body }) => json(body))
      expect(second).toEqual(first)
      expect(first!.rows).toEqual([first!.named])
      used.add(first!.named)
    }
    expect([...used].sort()).toEqual([...SHARDS].sort())
    expect(json((await get('/api/open/shard?user=asia-5')).body).named).toBe('asia')
  })

  it('all answer at once, and one that hangs is left out at its deadline', async () => {
    expect(json((await get('/api/open/scatter')).body)).toEqual({ results: SHARDS, partial: false, missing: [] })
    const hung = json((await get('/api/open/scatter?hang=s5')).body)
    expect(hung).toEqual({ results: SHARDS.filter(shard => shard !== 's5'), partial: true, missing: [{ shard: 's5', timedOut: true }] })
  })

  it('follow the map of a file while the server runs', async () => {
    const { path } = createTemporaryDirectory('map')
    const file = join(path, 'shards.json')
    const map = firstSlotMap(SHARDS)
    writeFileSync(file, serializeSlotMap(map))
    const { instance, client } = await start({ NUXT_SCALE_SHARDS_SLOT_MAP_FILE: file })
    try {
      const shardOf = async (user: string) => json((await get(`/api/open/shard?user=${user}`, {}, client)).body)
      expect(await shardOf('anybody')).toEqual(json((await get('/api/open/shard?user=anybody')).body))
      writeFileSync(`${file}.new`, serializeSlotMap({ ...map, version: 2, overrides: new Map([['anybody', 's8'], ['somebody', 's4']]) }))
      renameSync(`${file}.new`, file)
      await waitFor(async () => (await shardOf('anybody')).named === 's8')
      expect(await shardOf('somebody')).toEqual({ named: 's4', rows: ['s4'] })
    }
    finally {
      client.close()
      await instance.stop()
    }
  })

  it('without its database stops the boot', async () => {
    await expect(start({ DATABASE_URL_S6: '' })).rejects.toThrow('The shard s6 has no database: set DATABASE_URL_S6')
  })
})
