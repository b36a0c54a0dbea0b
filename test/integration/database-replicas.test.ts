import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createClientRegistry } from '../../src/runtime/server/database/clients'
import { copyFor } from '../../src/runtime/server/database/read-your-writes'
import { probeAddress } from '../../src/runtime/server/database/probe'
import { createReplicaSets } from '../../src/runtime/server/database/replica-sets'
import { createLeaseScope, createUser } from '../../src/runtime/server/database/lease-scope'
import type { DatabaseSpec } from '../../src/runtime/server/database/types'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import { waitFor } from '../support/wait'

const key = Buffer.from('a key that signs cookies')
let servers: PostgresServer[]

beforeAll(async () => {
  servers = await Promise.all([startPostgres(), startPostgres(), startPostgres()])
  for (const [index, server] of servers.entries()) await server.query(`set role app; create schema acme; create table acme.copy as select ${index} as number`.replace('set role app', 'grant create on database app to app; set role app'), 'app')
})

afterAll(async () => {
  await Promise.all(servers?.map(server => server.stop()) ?? [])
})

it('a tenant reads from the replicas that work, each in its turn, and from the primary when none does; one that comes back is used again', async () => {
  const [primary, ...copies] = servers as [PostgresServer, ...PostgresServer[]]
  const spec: DatabaseSpec = { name: 'acme', url: primary.url(), schema: 'acme', replicas: copies.map(server => server.url()) }
  const replicas = createReplicaSets({ hasKey: true, probe: probeAddress, pause: 20, warn: sentence => expect.fail(sentence) })
  const registry = createClientRegistry({
    factory: ({ url, pool, schema }) => {
      const made = new pg.Pool({ connectionString: url, max: pool.max, options: `-c search_path=${schema}` })
      made.on('error', () => {})
      return made
    },
    pool: { max: 1, acquireTimeout: 5000 }, maxClients: 10, maxConnections: 10, idleTimeout: 1000,
  })

  /** Numbers of the servers that answer ten requests. */
  async function answering(method: string): Promise<number[]> {
    const numbers = new Set<number>()
    for (let times = 0; times < 10; times++) {
      const scope = createLeaseScope({ method }, createUser(undefined, () => {}))
      try {
        const client = await scope.lease(registry, copyFor(spec, 'auto', scope, { replicas, key }))
        numbers.add((await client.query<{ number: number }>('select number from copy')).rows[0]!.number)
      }
      finally {
        scope.end()
      }
    }
    return [...numbers].sort()
  }
  const become = (expected: number[]) => waitFor(async () => JSON.stringify(await answering('GET')) === JSON.stringify(expected), { timeout: 15_000, message: `servers ${expected.join()} to answer` })

  await become([1, 2])
  expect(await answering('POST')).toEqual([0])
  await copies[0]!.kill()
  await become([2])
  await copies[1]!.kill()
  await become([0])
  await copies[0]!.restart()
  await become([1])
  await registry.close()
})
