import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../support/http-client.ts'
import type { HttpAnswer, HttpClient } from '../support/http-client.ts'
import { startNginx } from '../support/nginx.ts'
import type { FrontServer } from '../support/front.ts'
import { buildFixture, startNuxt } from '../support/nuxt.ts'
import type { NuxtInstance } from '../support/nuxt.ts'
import { generatePrisma } from '../support/prisma.ts'

const fixture = new URL('../fixtures/tenancy', import.meta.url).pathname
const SHARDS = ['EU', 'US', 'ASIA', 'S4', 'S5', 'S6', 'S7', 'S8']
const PATHS = ['/api/ruled', '/api/shared', '/api/brief', '/page']
const REQUESTS = 3000

let output: string
let app: NuxtInstance
let direct: HttpClient
let nginx: FrontServer[]
let clients: Record<'byHost' | 'byDefault' | 'blind', HttpClient>

/** Nobody asks a database here. */
const start = (env: NodeJS.ProcessEnv) => startNuxt(output, { env: {
  NUXT_SCALE_TENANCY_TRUSTED_PROXIES: 'any', DATABASE_URL_TENANTS: 'postgresql://db:1/none',
  ...Object.fromEntries(SHARDS.map(shard => [`DATABASE_URL_${shard}`, 'postgresql://db:1/none'])), ...env,
} })

const cacheOf = (port: number, settings: string) => startNginx(`location / {
  proxy_pass http://127.0.0.1:${port};
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Connection "";
  proxy_cache pages;
  add_header x-nginx-cache $upstream_cache_status always;
  ${settings}
}`)

beforeAll(async () => {
  await generatePrisma(fixture)
  output = await buildFixture(fixture)
  app = await start({ TEST_FUNCTIONS: 'domains' })
  direct = createClient(app.port)
  nginx = await Promise.all([
    cacheOf(app.port, 'proxy_cache_key $scheme$http_host$request_uri;'),
    // The key that nginx has when nobody sets one knows the address of the app and not the domain.
    cacheOf(app.port, ''),
    cacheOf(app.port, 'proxy_ignore_headers Vary;'),
  ])
  const [byHost, byDefault, blind] = nginx.map(({ port }) => createClient(port))
  clients = { byHost: byHost!, byDefault: byDefault!, blind: blind! }
})

afterAll(async () => {
  for (const client of [direct, ...Object.values(clients ?? {})]) client?.close()
  await Promise.all(nginx?.map(server => server.stop()) ?? [])
  await app?.stop()
})

const domainOf = (tenant: string) => ({ host: `www.shop-of-${tenant}.example` })
const subdomainOf = (tenant: string) => ({ host: `${tenant}.shop.example` })
const headerOf = (tenant: string) => ({ 'host': 'shop.example', 'x-tenant-id': tenant })
type Naming = (tenant: string) => Record<string, string>

/** Thousands of requests of ten tenants for the same few paths, and whose answers came. */
async function ask(client: HttpClient, naming: Naming) {
  let sent = 0
  const counts = { foreign: 0, hits: 0, errors: 0 }
  async function caller(): Promise<void> {
    while (sent < REQUESTS) {
      const at = sent++
      const tenant = `tenant-${at % 10}`
      const answer: HttpAnswer = await client.request(PATHS[Math.floor(at / 10) % PATHS.length]!, { headers: { accept: 'text/html', ...naming(tenant) } })
      if (answer.status !== 200) counts.errors++
      else if (!answer.body.includes(tenant) || (answer.body.match(/tenant-\d+/g) ?? []).some(name => name !== tenant)) counts.foreign++
      if (answer.headers['x-nginx-cache'] === 'HIT') counts.hits++
    }
  }
  await Promise.all(Array.from({ length: 16 }, caller))
  return counts
}

describe('nginx in front', () => {
  it.each<[string, keyof typeof clients, Naming]>([
    ['whole domains, which are in its key', 'byHost', domainOf],
    ['whole domains, which are not in its key', 'byDefault', domainOf],
    ['subdomains, which are not in its key', 'byDefault', subdomainOf],
    ['a header', 'byDefault', headerOf],
    ['a header, on the same host for all', 'byHost', headerOf],
  ])('caches for tenants named by %s, and gives nobody what is another\'s', async (_, client, naming) => {
    const { hits, ...counts } = await ask(clients[client], naming)
    expect(counts).toEqual({ foreign: 0, errors: 0 })
    expect(hits).toBeGreaterThan(REQUESTS / 2)
  })

  it('would mix them without what the answers say: the same requests with Vary ignored', async () => {
    for (const naming of [domainOf, headerOf]) expect((await ask(clients.blind, naming)).foreign).toBeGreaterThan(REQUESTS / 2)
  })

  it('caches nothing that depends on more than host and header', async () => {
    const users = await start({ TEST_FUNCTIONS: 'domains authorize' })
    const cache = await cacheOf(users.port, '')
    const client = createClient(cache.port)
    try {
      const { hits, ...counts } = await ask(client, tenant => ({ ...domainOf(tenant), 'x-user-of': tenant }))
      expect({ hits, ...counts }).toEqual({ hits: 0, foreign: 0, errors: 0 })
      // Somebody else does not see what the owner has just loaded.
      expect((await client.request('/api/ruled', { headers: { ...domainOf('tenant-1'), 'x-user-of': 'tenant-2' } })).status).toBe(403)
    }
    finally {
      client.close()
      await cache.stop()
      await users.stop()
    }
  })
})

describe('a tenant named by its domain', () => {
  const ask = (headers: Record<string, string | string[]>) => direct.request('/api/who', { headers: { accept: 'application/json', ...headers } })
  const vary = ({ headers }: HttpAnswer) => String(headers.vary).split(', ')

  it.each(['www.shop-of-tenant-1.example', 'WWW.Shop-of-Tenant-1.EXAMPLE', 'www.shop-of-tenant-1.example.', 'www.shop-of-tenant-1.example:8443'])('is found as %s', async (host) => {
    const answer = await ask({ host })
    expect(JSON.parse(answer.body)).toMatchObject({ tenant: 'tenant-1', here: 'tenant-1' })
    expect(vary(answer)).toEqual(expect.arrayContaining(['host', 'x-tenant-id']))
  })

  it.each<[string, Record<string, string | string[]>, number]>([
    ['a domain of nobody', { host: 'www.example' }, 400],
    ['the name of a prototype', { host: '__proto__' }, 400],
    ['a domain of a tenant that there is not', { host: 'www.shop-of-tenant-99.example' }, 404],
    ['another tenant in the header', { ...domainOf('tenant-1'), 'x-tenant-id': 'tenant-2' }, 421],
    ['two hosts', { host: ['www.shop-of-tenant-1.example', 'www.shop-of-tenant-2.example'] }, 400],
    ['a list that does not answer', { host: 'broken.example' }, 503],
  ])('is refused for %s, and caches know by what', async (_, headers, status) => {
    const answer = await ask(headers)
    expect(answer.status).toBe(status)
    expect(vary(answer)).toEqual(expect.arrayContaining(['host', 'x-tenant-id']))
    expect(answer.body + app.logs().join('\n')).not.toContain('postgresql://')
  })
})
