import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createClientRegistry } from '../../src/runtime/server/database/clients'
import { databaseService } from '../../src/runtime/server/database/service'
import { pingDatabase } from '../../src/runtime/server/database/ping'

afterEach(() => databaseService.provide(undefined))

/** A feature whose clients are all the same one. */
function open(client: unknown) {
  const registry = createClientRegistry<unknown>({ factory: Object.assign(() => client, { dispose: () => {} }), pool: { max: 1, acquireTimeout: 100 }, maxClients: 1, maxConnections: 1, idleTimeout: 1000 })
  databaseService.provide({ registry } as never)
  return registry
}

const spec = { name: 'default', url: 'postgresql://127.0.0.1:1/app' }

it.each<[string, (asked: string[]) => object]>([
  ['Prisma', asked => ({ $queryRawUnsafe: async (sql: string) => asked.push(sql), query: () => asked.push('wrong') })],
  ['a driver', asked => ({ query: async (sql: string) => asked.push(sql) })],
  ['Drizzle', asked => ({ query: {}, $client: { query: async (sql: string) => asked.push(sql) } })],
])('a database is asked through the client of %s, which is given back', async (_, createClient) => {
  const asked: string[] = []
  const registry = open(createClient(asked))
  await pingDatabase(spec)
  expect(asked).toEqual(['SELECT 1'])
  expect(registry.gauges().leases).toBe(0)
  await registry.close()
})

it('a client that fails has failed, and is given back', async () => {
  const registry = open({ query: async () => {
    throw new Error('terminating connection')
  } })
  await expect(pingDatabase(spec)).rejects.toThrow('terminating connection')
  expect(registry.gauges().leases).toBe(0)
  await registry.close()
})

it('of a client that cannot be asked the address must accept a connection', async () => {
  const server = createServer(socket => socket.end())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const registry = open({ find: () => [] })
  const own = { name: 'own', url: `postgresql://127.0.0.1:${port}/app` }
  await pingDatabase(own)
  await new Promise(resolve => server.close(resolve))
  await expect(pingDatabase(own)).rejects.toThrow()
  await registry.close()
})
