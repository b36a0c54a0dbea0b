import { afterAll, beforeAll, expect, it } from 'vitest'
import { createPrismaClient } from '../../src/prisma'
import { generatePrisma, itemTable } from '../support/prisma'
import { createTemporaryDirectory } from '../support/temporary-directory'

interface Client {
  item: { findMany: () => Promise<{ name: string }[]>, create: (args: object) => Promise<object>, count: () => Promise<number> }
  $queryRawUnsafe: (sql: string) => Promise<unknown>
  $executeRawUnsafe: (sql: string) => Promise<unknown>
  $transaction: <T>(work: (transaction: Client) => Promise<T>) => Promise<T>
  $disconnect: () => Promise<void>
}

let PrismaClient: new (options: never) => Client
const directory = createTemporaryDirectory('pglite')
const url = `pglite:${directory.path}/data`
const tenants = ['one', 'two', 'three']

beforeAll(async () => {
  ({ PrismaClient } = await import(await generatePrisma('test/fixtures/database')) as { PrismaClient: typeof PrismaClient })
})
afterAll(() => directory.remove())

it('clients of one PGlite keep to their schemas, in generated and raw queries and in transactions that overlap', async () => {
  const clients = tenants.map(schema => createPrismaClient(PrismaClient, { url, schema }))
  for (const [index, client] of clients.entries()) {
    await client.$executeRawUnsafe(`create schema ${tenants[index]}`)
    await client.$executeRawUnsafe(itemTable)
  }
  const work = clients.flatMap((client, index) => Array.from({ length: 8 }, async (_, round) => {
    const name = tenants[index]!
    if (round % 2 === 0) {
      await client.item.create({ data: { name } })
      await client.$executeRawUnsafe(`insert into "Item" (name) values ('${name}')`)
      return
    }
    await client.$transaction(async (transaction) => {
      await transaction.item.create({ data: { name } })
      await transaction.$executeRawUnsafe(`insert into "Item" (name) values ('${name}')`)
      if (round === 7) throw new Error('rolled back')
    }).catch((error: Error) => expect(error.message).toBe('rolled back'))
  }))
  await Promise.all(work)
  for (const [index, client] of clients.entries()) {
    expect((await client.item.findMany()).map(({ name }) => name)).toEqual(Array.from({ length: 14 }, () => tenants[index]))
    expect(await client.$queryRawUnsafe('select count(*)::int as count from "Item"')).toEqual([{ count: 14 }])
  }
  await Promise.all(clients.map(client => client.$disconnect()))
  // The folder was closed by the last of them and opens again.
  const again = createPrismaClient(PrismaClient, { url, schema: 'two' })
  expect(await again.item.count()).toBe(14)
  await again.$disconnect()
}, 60_000)

it('names the command that installs a missing adapter', async () => {
  const client = createPrismaClient(class {
    readonly #adapter: { connect: () => Promise<unknown> }
    constructor({ adapter }: { adapter: { connect: () => Promise<unknown> } }) {
      this.#adapter = adapter
    }

    connect = () => this.#adapter.connect()
    $disconnect = async () => {}
  }, { url: 'file:./dev.db' })
  await expect(client.connect()).rejects.toThrow('The database file:./dev.db needs @prisma/adapter-better-sqlite3, which is not installed: run "npm install @prisma/adapter-better-sqlite3".')
})
