import { inspect } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createPrismaClient } from '../../src/prisma'
import { createClientRegistry } from '../../src/runtime/server/database/clients'
import type { ClientRegistry, ClientRegistryOptions } from '../../src/runtime/server/database/registry'
import type { DatabaseSpec } from '../../src/runtime/server/database/types'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import { generatePrisma, itemTable } from '../support/prisma'
import { trackUnhandledRejections, waitFor } from '../support/wait'

type PrismaModule = { PrismaClient: new (options: never) => PrismaLike }

/** What the tests use of the generated client. */
interface PrismaLike {
  item: {
    findMany: () => Promise<{ id: number, name: string }[]>
    create: (args: { data: { name: string } }) => Promise<{ id: number }>
    count: () => Promise<number>
  }
  $queryRawUnsafe: <Rows>(sql: string) => Promise<Rows>
  $transaction: <T>(work: (transaction: PrismaLike) => Promise<T>) => Promise<T>
  $extends: (extension: object) => PrismaLike
  $disconnect: () => Promise<void>
}

const TENANTS = 200
const BUDGET = 50
const REQUESTS = 500
const tenants = Array.from({ length: TENANTS }, (_, index) => `tenant_${index}`)

let server: PostgresServer
let Prisma: PrismaModule
const registries: ClientRegistry<PrismaLike>[] = []
const unhandled = trackUnhandledRejections()

beforeAll(async () => {
  Prisma = await import(await generatePrisma('test/fixtures/database')) as PrismaModule
  server = await startPostgres({ maxConnections: 60, settings: { log_connections: 'on', log_disconnections: 'on' } })
  await server.createSchemas('app', ...tenants)
  await server.query(tenants.map(tenant => `set role app; set search_path to ${tenant}; ${itemTable}; insert into "Item" (name) values ('${tenant}')`).join(';'), 'app')
}, 120_000)

afterEach(async () => {
  await Promise.all(registries.splice(0).map(registry => registry.close()))
  await waitFor(async () => await server.connections() === 0, { timeout: 20_000, message: 'every connection to be gone' })
})

afterAll(async () => {
  await server?.stop()
  expect(unhandled.list).toEqual([])
  unhandled.stop()
})

function createRegistry(options: Partial<ClientRegistryOptions<PrismaLike>> = {}) {
  const registry = createClientRegistry<PrismaLike>({
    factory: input => createPrismaClient(Prisma.PrismaClient, input),
    pool: { max: 3, acquireTimeout: 5000 },
    maxClients: 50,
    maxConnections: BUDGET,
    idleTimeout: 60_000,
    drainTimeout: 2000,
    ...options,
  })
  registries.push(registry)
  return registry
}

const spec = (schema: string): DatabaseSpec => ({ name: schema, url: server.url(), schema })

/** The most connections of the role at one moment, as the server's own log tells it, from line `start` on. */
function mostConnections(start: number): number {
  let open = 0
  let most = 0
  for (const line of server.output().slice(start)) {
    if (line.includes('connection authorized: user=app')) most = Math.max(most, ++open)
    if (line.includes('disconnection:') && line.includes('user=app')) open--
  }
  return most
}

/** Counts the connections over and over while `work` runs. */
async function sampling<T>(work: Promise<T>): Promise<{ result: T, most: number }> {
  let running = true
  let most = 0
  const sampler = (async () => {
    while (running) most = Math.max(most, await server.connections())
  })()
  const result = await work.finally(() => running = false)
  await sampler
  return { result, most }
}

/** One request: it reads the tenant's row twice, with three queries at a time, and holds its connections for a moment. */
async function request(registry: ClientRegistry<PrismaLike>, tenant: string): Promise<'served' | 'refused'> {
  try {
    const lease = await registry.lease(spec(tenant))
    try {
      const [items, rows] = await Promise.all([
        lease.client.item.findMany(),
        lease.client.$queryRawUnsafe<{ name: string }[]>('select name from "Item"'),
        lease.client.$queryRawUnsafe('select pg_sleep(0.02)::text'),
      ])
      expect(items.map(({ name }) => name)).toEqual([tenant])
      expect(rows).toEqual([{ name: tenant }])
      return 'served'
    }
    finally {
      lease.release()
    }
  }
  catch (error) {
    if ((error as { statusCode?: number }).statusCode === 503 || (error as { code?: string }).code === 'DATABASE_BUSY') return 'refused'
    throw error
  }
}

describe('200 tenants on a Postgres with 57 usable connections', () => {
  it('a budget of 50 holds under 500 requests at once: no connection error, every request is served or told to wait', async () => {
    const registry = createRegistry()
    const start = server.output().length
    const { result, most } = await sampling(Promise.all(Array.from({ length: REQUESTS }, (_, index) => request(registry, tenants[index % TENANTS]!))))
    const served = result.filter(answer => answer === 'served').length
    console.info(`served ${served}, refused ${REQUESTS - served}, most connections ${most} sampled, ${mostConnections(start)} in the log, refused by the server ${server.refusals().length}`)
    expect(result).toHaveLength(REQUESTS)
    expect(served).toBeGreaterThan(0)
    expect(server.refusals()).toEqual([])
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(BUDGET)
    expect(mostConnections(start)).toBeLessThanOrEqual(BUDGET)
    expect(registry.gauges()).toMatchObject({ waiting: 0, leases: 0 })
  })

  it('requests that cannot wait long enough are refused by the budget and not by the server', async () => {
    const registry = createRegistry({ pool: { max: 3, acquireTimeout: 60 } })
    const { result, most } = await sampling(Promise.all(Array.from({ length: REQUESTS }, (_, index) => request(registry, tenants[index % TENANTS]!))))
    const refused = result.filter(answer => answer === 'refused').length
    expect(refused).toBeGreaterThan(0)
    expect(server.refusals()).toEqual([])
    expect(most).toBeLessThanOrEqual(BUDGET)
  })

  it('a place is free when the server has closed its connections, and not when the pool has forgotten them', async () => {
    const registry = createRegistry({ maxConnections: 3 })
    const start = server.output().length
    for (let turn = 0; turn < 40; turn++) expect(await request(registry, tenants[turn % 2]!)).toBe('served')
    expect(mostConnections(start)).toBe(3)
  })

  it('the same load without a budget is more than the server takes', async () => {
    const registry = createRegistry({ maxConnections: 3 * TENANTS, maxClients: TENANTS })
    const results = await Promise.allSettled(Array.from({ length: REQUESTS }, (_, index) => request(registry, tenants[index % TENANTS]!)))
    expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0)
    expect(server.refusals().length).toBeGreaterThan(0)
  })
})

describe('eviction', () => {
  it('under load, with open transactions and queued queries, leaves no promise unsettled and no pool behind', async () => {
    const registry = createRegistry({ maxConnections: 6, pool: { max: 3, acquireTimeout: 2000 } })
    const kept: PrismaLike[] = []
    const outcomes: Record<string, number> = {}
    let started = 0
    let settled = 0
    const count = <T>(promise: Promise<T>) => {
      started++
      return promise.then(() => 'fulfilled', (error: Error & { code?: string }) => error.code ?? error.message.split('\n').at(-1)!).then((outcome) => {
        settled++
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      })
    }
    const work = tenants.slice(0, 12).flatMap((tenant, index) => Array.from({ length: 4 }, async (_, round) => {
      const lease = await registry.lease(spec(tenant)).catch(() => undefined)
      if (!lease) return
      kept.push(lease.client, lease.client.$extends({}))
      const queries = [
        count(lease.client.$transaction(async (transaction) => {
          await transaction.item.create({ data: { name: tenant } })
          await transaction.$queryRawUnsafe('select pg_sleep(0.05)::text')
        })),
        ...Array.from({ length: 8 }, () => count(lease.client.$queryRawUnsafe('select pg_sleep(0.01)::text'))),
      ]
      // Every third is let go while it works, as an aborted request does.
      if ((index + round) % 3 !== 0) await Promise.all(queries)
      lease.release()
      await Promise.all(queries)
    }))
    const { most } = await sampling(Promise.all(work))
    expect(started).toBeGreaterThan(0)
    expect(settled).toBe(started)
    expect(most).toBeLessThanOrEqual(6)
    console.info('queries by outcome', outcomes)

    await registry.close()
    await waitFor(async () => await server.connections() === 0, { timeout: 10_000, message: 'the connections to end' })
    const late = await Promise.allSettled(kept.flatMap(client => [
      (async () => client.item.findMany())(),
      (async () => client.$queryRawUnsafe('select 1'))(),
    ]))
    expect(late.filter(({ status }) => status === 'fulfilled')).toEqual([])
    expect(await server.connections()).toBe(0)
  })

  it('cuts the connections of a server that does not answer, so that close() ends', async () => {
    const registry = createRegistry({ drainTimeout: 100 })
    const leases = await Promise.all(tenants.slice(0, 4).map(tenant => registry.lease(spec(tenant))))
    await Promise.all(leases.map(({ client }) => client.item.count()))
    const outcomes = leases.map(({ client }) => client.$queryRawUnsafe('select pg_sleep(60)::text').then(() => 'answered', () => 'rejected'))
    await waitFor(async () => (await server.query(`select 1 from pg_stat_activity where query like '%pg_sleep(60)%' and state = 'active' and usename = 'app'`)).length === 4)
    await server.pause()
    await registry.close().finally(() => server.resume())
    expect(await Promise.all(outcomes)).toEqual(['rejected', 'rejected', 'rejected', 'rejected'])
    expect(registry.gauges()).toEqual({ clients: 0, reserved: 0, waiting: 0, leases: 0, stuck: 0 })
    await server.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'`)
  })

  it('goes on after the server was restarted', async () => {
    const registry = createRegistry()
    const lease = await registry.lease(spec(tenants[0]!))
    await lease.client.item.count()
    await server.restart()
    // The pool meets its dead connections first.
    await waitFor(async () => await lease.client.item.count() > 0, { timeout: 10_000 })
    lease.release()
  })
})

describe('createPrismaClient on PostgreSQL', () => {
  it('opens no connection before the first query, and no more than pool.max', async () => {
    const client = createPrismaClient(Prisma.PrismaClient, { url: `${server.url()}?connection_limit=20`, schema: 'tenant_1', pool: { max: 2 } })
    expect(await server.connections()).toBe(0)
    const { most } = await sampling(Promise.all(Array.from({ length: 12 }, () => client.$queryRawUnsafe('select pg_sleep(0.05)::text'))))
    expect(most).toBe(2)
    await client.$disconnect()
  })

  it('keeps generated and raw queries in the schema, also one named by the URL, with any name', async () => {
    await server.createSchemas('app', '"Odd na-me"')
    await server.query(`set role app; set search_path to "Odd na-me"; ${itemTable}; insert into "Item" (name) values ('odd')`, 'app')
    for (const input of [
      { url: server.url(), schema: 'Odd na-me' },
      { url: `${server.url()}?schema=${encodeURIComponent('Odd na-me')}&options=${encodeURIComponent('-c statement_timeout=5s')}` },
    ]) {
      const client = createPrismaClient(Prisma.PrismaClient, input)
      expect((await client.item.findMany()).map(({ name }) => name)).toEqual(['odd'])
      expect(await client.$queryRawUnsafe('select name from "Item"')).toEqual([{ name: 'odd' }])
      expect(await client.$transaction(transaction => transaction.$queryRawUnsafe('select name from "Item"'))).toEqual([{ name: 'odd' }])
      if (input.schema === undefined) expect(await client.$queryRawUnsafe('show statement_timeout')).toEqual([{ statement_timeout: '5s' }])
      await client.$disconnect()
    }
    expect(() => createPrismaClient(Prisma.PrismaClient, { url: server.url(), schema: 'a"; drop table "Item' })).toThrow('cannot be used')
  })

  it('answers a full pool with a busy error within the acquire timeout', async () => {
    const client = createPrismaClient(Prisma.PrismaClient, { url: server.url(), schema: 'tenant_1', pool: { max: 1, acquireTimeout: 200 } })
    await client.item.count()
    const slow = client.$queryRawUnsafe('select pg_sleep(1)::text')
    const all = Promise.all([slow, sleep(0).then(() => Promise.all([client.item.findMany(), client.$transaction(async transaction => transaction.item.count())].map(query => expect(query).rejects.toMatchObject({ code: 'DATABASE_BUSY' }))))])
    await all
    await client.$disconnect()
  })

  it('stays disconnected, with what was extended or taken from it, also when it was never connected', async () => {
    const client = createPrismaClient(Prisma.PrismaClient, { url: server.url(), schema: 'tenant_1' })
    const extended = client.$extends({})
    const { item } = client
    await client.item.count()
    await client.$disconnect()
    await expect(client.item.count()).rejects.toThrow('was used after its connections were closed')
    await expect(extended.item.count()).rejects.toThrow('was used after its connections were closed')
    await expect(item.count()).rejects.toThrow('was used after its connections were closed')
    const idle = createPrismaClient(Prisma.PrismaClient, { url: server.url(), schema: 'tenant_1' })
    await idle.$disconnect()
    await expect(idle.item.count()).rejects.toThrow('was used after its connections were closed')
    expect(await server.connections()).toBe(0)
  })

  it('shows the password in no error, on no console and in no JSON', async () => {
    const registry = createRegistry()
    const lease = await registry.lease(spec('tenant_1'))
    const raw = createPrismaClient(Prisma.PrismaClient, { url: server.url(), schema: 'tenant_1' })
    await raw.item.count()
    const wrong = createPrismaClient(Prisma.PrismaClient, { url: server.url().replace('/app', '/nowhere') })
    const refused = createPrismaClient(Prisma.PrismaClient, { url: `postgresql://app:${server.password}@127.0.0.1:1/app` })
    const errors = await Promise.all([
      wrong.item.findMany(), refused.item.findMany(), raw.$queryRawUnsafe('select nothing'),
      Promise.resolve().then(() => createPrismaClient(Prisma.PrismaClient, { url: `postgresql://app:${server.password}/x@127.0.0.1:1/app` })),
      Promise.resolve().then(() => createPrismaClient(Prisma.PrismaClient, { url: `oracle://app:${server.password}@127.0.0.1:1/app` })),
    ].map(promise => promise.then(() => expect.unreachable(), (error: unknown) => error)))
    const shown = [...errors, lease.client, lease, raw, raw.item].map(value => `${inspect(value, { depth: 12, showHidden: true })} ${String(value)}`)
    const json = [lease.client, raw].map(value => JSON.stringify(value))
    for (const text of [...shown, ...json]) expect(text).not.toContain(server.password)
    lease.release()
    await Promise.all([raw, wrong, refused].map(client => client.$disconnect()))
  })
})
