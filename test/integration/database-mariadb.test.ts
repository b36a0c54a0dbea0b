import { inspect } from 'node:util'
import mysql from 'mysql2'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createPrismaClient } from '../../src/prisma'
import { askNothing } from '../../src/runtime/server/database/ask'
import { findBusy } from '../../src/runtime/server/database/errors'
import { startMariaDb } from '../support/mariadb'
import type { MariaDbServer } from '../support/mariadb'
import { generatePrisma } from '../support/prisma'
import { waitFor } from '../support/wait'

interface Client {
  item: { findMany: () => Promise<{ name: string }[]>, count: () => Promise<number> }
  $queryRawUnsafe: (sql: string) => Promise<unknown>
  $disconnect: () => Promise<void>
}

let server: MariaDbServer
let PrismaClient: new (options: never) => Client

beforeAll(async () => {
  ({ PrismaClient } = await import(await generatePrisma('test/fixtures/mariadb')) as { PrismaClient: typeof PrismaClient })
  server = await startMariaDb()
  for (const name of ['one', 'two']) {
    await server.query(`create database ${name}; create table ${name}.Item (id int primary key auto_increment, name varchar(20)); insert into ${name}.Item (name) values ('${name}')`)
  }
}, 120_000)

afterAll(() => server?.stop())

it('reads the database of the address, or the schema, in generated and raw queries', async () => {
  const one = createPrismaClient(PrismaClient, { url: server.url('one') })
  const two = createPrismaClient(PrismaClient, { url: server.url('one').replace('mysql:', 'mariadb:'), schema: 'two' })
  for (const [client, name] of [[one, 'one'], [two, 'two']] as const) {
    expect((await client.item.findMany()).map(item => item.name)).toEqual([name])
    expect(await client.$queryRawUnsafe('select name from Item')).toEqual([{ name }])
    expect(inspect(client, { depth: 12, showHidden: true })).not.toContain(server.password)
  }
  await Promise.all([one.$disconnect(), two.$disconnect()])
  await waitFor(async () => await server.connections() === 0)
  await expect(one.item.count()).rejects.toThrow('was used after its connections were closed')
  expect(await server.connections()).toBe(0)
})

it('keeps to pool.max, and answers a full pool with a busy error', async () => {
  const client = createPrismaClient(PrismaClient, { url: server.url('one'), pool: { max: 2, acquireTimeout: 1000 } })
  await client.item.count()
  const slow = Array.from({ length: 2 }, () => client.$queryRawUnsafe('select sleep(3)').then(() => 'answered'))
  await waitFor(async () => (await server.query(`select count(*) from information_schema.processlist where user = 'app' and info like 'select sleep%'`))[0] === '2')
  await expect(client.item.count()).rejects.toMatchObject({ code: 'DATABASE_BUSY' })
  expect(await server.connections()).toBe(2)
  expect(await Promise.all(slow)).toEqual(['answered', 'answered'])
  await client.$disconnect()
  await waitFor(async () => await server.connections() === 0)
})

it('knows a full pool of mysql2 and a timeout of it by their errors, and asks its pools, with callbacks and with promises', async () => {
  const pool = mysql.createPool({ uri: server.url('one'), connectionLimit: 1, queueLimit: 1 })
  const client = pool.promise()
  const outcomes = await Promise.all(['select sleep(1)', 'select 1', 'select 1'].map(sql => client.query(sql).then(() => 'answered', findBusy)))
  expect(outcomes).toEqual(['answered', 'answered', { retryAfter: 1 }])
  for (const asked of [pool, client, { $client: pool }]) await expect(askNothing(asked)).resolves.toBeTruthy()
  expect(await client.query({ sql: 'select sleep(5)', timeout: 100 }).then(() => 'answered', findBusy)).toEqual({ retryAfter: 1 })
  await client.end()
})
