import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPrismaClient } from '../../src/prisma'
import { createAmqpBroker } from '../../src/runtime/server/rabbitmq/amqp/amqp-broker'
import type { Broker } from '../../src/runtime/server/rabbitmq/broker'
import type { InboxContext, MessageHandler, RabbitConsumer } from '../../src/runtime/server/rabbitmq/consume/types'
import { createEmbeddedServer } from '../../src/runtime/server/rabbitmq/embedded/server'
import { createMessageTransactions } from '../../src/runtime/server/rabbitmq/outbox/create-message-transactions'
import { outboxSettings } from '../../src/runtime/server/rabbitmq/outbox/outbox-settings'
import { outboxTables } from '../../src/runtime/server/rabbitmq/outbox/tables'
import type { RabbitFeature } from '../../src/runtime/server/rabbitmq/rabbit-feature'
import { createRabbitFeature } from '../../src/runtime/server/rabbitmq/rabbit-feature'
import { rabbitmqSettings } from '../../src/runtime/server/rabbitmq/settings'
import type { SqlClient, SqlTransaction } from '../../src/runtime/server/rabbitmq/sql-client'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import { generatePrisma, itemTable } from '../support/prisma'
import { startRabbit } from '../support/rabbitmq'
import type { RabbitServer } from '../support/rabbitmq'
import { waitFor } from '../support/wait'

const ORDERS = 400
const INSTANCES = 2
const silent = { info: () => {}, warn: () => {} }

const embedded = createEmbeddedServer({ limits: { messages: 10_000, bytes: 64e6 }, log: silent })
let postgres: PostgresServer
let rabbit: RabbitServer
let prisma: SqlClient & { $disconnect: () => Promise<void> }
let features: RabbitFeature[] = []

beforeAll(async () => {
  const { PrismaClient } = await import(await generatePrisma('test/fixtures/database')) as { PrismaClient: new (options: never) => typeof prisma }
  postgres = await startPostgres()
  await postgres.createSchemas('app', 'orders')
  await postgres.query(`set role app; set search_path to orders; ${itemTable}; ${outboxTables}; create table placed (id text primary key)`, 'app')
  prisma = await createPrismaClient(PrismaClient, { url: postgres.url('app'), schema: 'orders', pool: { max: 12, acquireTimeout: 10_000 } })
  rabbit = await startRabbit()
}, 120_000)

beforeEach(async () => {
  await Promise.all(features.map(feature => feature.close()))
  features = []
  await postgres.query('truncate orders.scale_outbox, orders.scale_inbox, orders."Item", orders.placed', 'app')
})

afterAll(async () => {
  await Promise.all(features.map(feature => feature.close()))
  await prisma?.$disconnect()
  await postgres?.stop()
  await rabbit?.stop()
  embedded.stop()
})

/** Instances of an app whose consumer writes one item for each order. */
async function startInstances(queue: string, open: () => Broker, handler: MessageHandler<{ id: string }, InboxContext> = addItem) {
  features = Array.from({ length: INSTANCES }, () => createRabbitFeature({
    broker: Promise.resolve(open()),
    settings: rabbitmqSettings.resolveGiven({ retry: { delays: ['50ms', '100ms', '200ms'] }, publishTimeout: '20s', prefetch: 32, concurrency: 8, outbox: {} }, {}),
    role: 'all',
    log: silent,
    currentTenant: () => '',
    runAsTenant: (_, task) => task(),
    transactions: createMessageTransactions({
      settings: outboxSettings.resolveGiven({ interval: '50ms', batch: 50 }),
      publishTimeout: 20_000,
      useDatabase: (_, task) => task(prisma),
      useTenant: () => Promise.reject(new Error('no tenants here')),
      currentTenant: () => '',
      log: silent,
    }),
  }))
  const consumer: RabbitConsumer = { exchange: 'orders', queue, routingKey: 'order.placed', dedupe: true, handler: handler as RabbitConsumer['handler'] }
  for (const feature of features) feature.start([{ source: 'consumer.ts', consumer }])
  await Promise.all(features.map(feature => feature.connect({ timeout: '30s' })))
}

const addItem: MessageHandler<{ id: string }, InboxContext> = async ({ id }, { tx }) => {
  await (tx as SqlTransaction).$executeRawUnsafe('insert into "Item" (name) values ($1)', id)
}

/** Places an order and its message in one transaction; every fifth is given up. */
async function place(id: string, index: number): Promise<boolean> {
  const placed = prisma.$transaction(async (tx) => {
    await tx.$executeRawUnsafe('insert into placed (id) values ($1)', id)
    await features[index % INSTANCES]!.publish('orders', 'order.placed', { id }, { tx, messageId: id })
    if (index % 5 === 4) throw new Error('not paid')
  }, { maxWait: 20_000, timeout: 20_000 })
  return placed.then(() => true, () => false)
}

const names = async (table: string, column: string) => (await prisma.$queryRawUnsafe(`select ${column} as name from ${table} order by 1`) as { name: string }[]).map(({ name }) => name)

async function settled(expected: number): Promise<void> {
  await waitFor(async () => (await names('scale_outbox', 'message_id')).length === 0 && (await names('"Item"', 'name')).length >= expected, { timeout: 90_000, message: 'every order to have its item' })
}

describe.each([
  ['on RabbitMQ', () => createAmqpBroker({ urls: [rabbit.url()], maxBackoff: 500, log: silent })],
  ['in the process', () => embedded.connect()],
] as const)('orders and their messages, %s', (where, open) => {
  it('happen once when they commit, and not at all when they do not', async () => {
    await startInstances(`once ${where}`, open)
    const kept = await Promise.all(Array.from({ length: 100 }, (_, index) => place(`order-${index}`, index)))
    expect(kept.filter(Boolean).length).toBe(80)
    await settled(80)
    expect(await names('"Item"', 'name')).toEqual(await names('placed', 'id'))
  })

  it('have their effect once, though every message comes three times and fails first', async () => {
    const failed = new Set<string>()
    await startInstances(`thrice ${where}`, open, async (message, context) => {
      await addItem(message, context)
      if (failed.size < 40 && !failed.has(message.id)) {
        failed.add(message.id)
        throw new Error('after the effect')
      }
    })
    const ids = Array.from({ length: 60 }, (_, index) => `copy-${index}`)
    await Promise.all([...ids, ...ids, ...ids].map((id, index) => features[index % INSTANCES]!.publish('orders', 'order.placed', { id }, { messageId: id })))
    await settled(60)
    await Promise.all(features.map(feature => feature.close()))
    expect(await names('"Item"', 'name')).toEqual([...ids].sort())
    expect(failed.size).toBeGreaterThan(0)
  })
})

describe('orders and their messages, while RabbitMQ is cut, killed and started again', () => {
  it('are neither lost nor applied twice', async () => {
    await startInstances('faults', () => createAmqpBroker({ urls: [rabbit.url()], maxBackoff: 500, log: silent }))
    await new Promise(resolve => setTimeout(resolve, 3000)) // RabbitMQ 3.10 loses a quorum queue that is younger than this when it is killed
    let placed = 0
    const faults = (async () => {
      for (const at of [60, 140]) {
        await waitFor(() => placed > at, { timeout: 60_000 })
        await rabbit.closeConnections()
      }
      await waitFor(() => placed > 220, { timeout: 60_000 })
      await rabbit.kill()
      await rabbit.restart()
    })()
    const queue = Array.from({ length: ORDERS }, (_, index) => index).values()
    await Promise.all(Array.from({ length: 6 }, async () => {
      for (const index of queue) {
        await place(`order-${index}`, index)
        placed++
      }
    }))
    await faults
    const orders = await names('placed', 'id')
    expect(orders.length).toBe(ORDERS * 4 / 5)
    await settled(orders.length)
    await Promise.all(features.map(feature => feature.close()))
    expect(await names('"Item"', 'name')).toEqual(orders)
  }, 180_000)
})
