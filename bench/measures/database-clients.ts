import pg from 'pg'
import { startPostgres } from '../../test/support/postgres.ts'
import { createClientRegistry } from '../support/engine.ts'
import { quantile } from '../support/statistics.ts'
import type { Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const TENANTS = 200
const REQUESTS = 500
const MAX_CONNECTIONS = 60
const BUDGET = 50

interface Run {
  milliseconds: number[]
  /** Requests that got their rows, that were told to come back, and that met an error of the server. */
  served: number
  refused: number
  failed: number
}

/** Clients of many tenants on one server that has fewer connections than they could open. */
export const measure: Measure = {
  title: `clients of ${TENANTS} tenants on a PostgreSQL with ${MAX_CONNECTIONS} connections, ${REQUESTS} requests at once`,
  rounds: 3,
  async run({ rounds, progress, defer }) {
    const server = await startPostgres({ maxConnections: MAX_CONNECTIONS })
    defer(() => server.stop())
    await server.createSchemas('app', 'bench')

    const url = (tenant: number) => `${server.url('app')}?application_name=tenant-${tenant}`
    const runs: Record<string, Run[]> = { 'ours': [], 'a Map of clients': [] }
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}: ours`)
      const registry = createClientRegistry<pg.Pool>({
        factory: ({ url, pool }) => createPool({ connectionString: url, max: pool.max, connectionTimeoutMillis: pool.acquireTimeout }),
        pool: { max: 3, acquireTimeout: 5000 },
        maxClients: BUDGET,
        maxConnections: BUDGET,
        idleTimeout: 60_000,
      })
      runs.ours!.push(await requests(async (tenant) => {
        const lease = await registry.lease({ name: String(tenant), url: url(tenant) })
        try {
          await ask(lease.client)
        }
        finally {
          lease.release()
        }
      }))
      await registry.close()

      progress(`round ${round} of ${rounds}: a Map of clients`)
      const clients = new Map<string, pg.Pool>()
      runs['a Map of clients']!.push(await requests(async (tenant) => {
        const address = url(tenant)
        let client = clients.get(address)
        if (!client) clients.set(address, client = createPool({ connectionString: address }))
        await ask(client)
      }))
      await Promise.all([...clients.values()].map(client => client.end()))
    }

    const total = (name: string, count: keyof Omit<Run, 'milliseconds'>) => runs[name]!.reduce((sum, run) => sum + run[count], 0)
    return {
      figures: Object.entries(runs).flatMap(([name, list]) => [
        { name: `${name}: served`, value: total(name, 'served') / list.length, unit: 'requests' },
        { name: `${name}: told to come back`, value: total(name, 'refused') / list.length, unit: 'requests' },
        { name: `${name}: connection errors`, value: total(name, 'failed') / list.length, unit: 'requests' },
        { name: `${name}: p99`, value: quantile(list.flatMap(({ milliseconds }) => milliseconds), 0.99), unit: 'ms' },
      ]),
      checks: [check('ours: connection errors', total('ours', 'failed'), 'at most', 0)],
      notes: ['The Map makes a pool for each address and never ends one, as the guides do. Each request holds three connections for 20 ms.'],
    }
  },
}

/** A pool that is cut off while it rests says so by an event. */
function createPool(options: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(options)
  pool.on('error', () => {})
  return pool
}

async function ask(client: pg.Pool): Promise<void> {
  await Promise.all(Array.from({ length: 3 }, () => client.query('select pg_sleep(0.02)')))
}

async function requests(request: (tenant: number) => Promise<void>): Promise<Run> {
  const run: Run = { milliseconds: [], served: 0, refused: 0, failed: 0 }
  await Promise.all(Array.from({ length: REQUESTS }, async (_, index) => {
    const start = performance.now()
    try {
      await request(index % TENANTS)
      run.served++
    }
    catch (error) {
      if ((error as { statusCode?: number }).statusCode === 503) run.refused++
      else run.failed++
    }
    run.milliseconds.push(performance.now() - start)
  }))
  return run
}
