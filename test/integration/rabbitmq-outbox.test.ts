import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPrismaClient } from '../../src/prisma'
import type { Broker } from '../../src/runtime/server/rabbitmq/broker'
import { PublishError } from '../../src/runtime/server/rabbitmq/publish-error'
import { applyOnce, forgetApplied } from '../../src/runtime/server/rabbitmq/inbox/apply-once'
import type { OutgoingMessage } from '../../src/runtime/server/rabbitmq/message'
import type { OutboxSource, Relay } from '../../src/runtime/server/rabbitmq/outbox/relay'
import { createRelay } from '../../src/runtime/server/rabbitmq/outbox/relay'
import { relayRound } from '../../src/runtime/server/rabbitmq/outbox/round'
import { insertMessage } from '../../src/runtime/server/rabbitmq/outbox/rows'
import { outboxTables } from '../../src/runtime/server/rabbitmq/outbox/tables'
import type { SqlClient } from '../../src/runtime/server/rabbitmq/sql-client'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import { generatePrisma, itemTable } from '../support/prisma'
import { trackUnhandledRejections, waitFor } from '../support/wait'

type Publish = Broker['publish']

const limits = { maxWait: 5000, timeout: 10_000 }
const unhandled = trackUnhandledRejections()
let server: PostgresServer
let prisma: SqlClient & { $disconnect: () => Promise<void> }
/** Ids of what the broker took, one for each time. */
let taken: string[]

beforeAll(async () => {
  const { PrismaClient } = await import(await generatePrisma('test/fixtures/database')) as { PrismaClient: new (options: never) => typeof prisma }
  server = await startPostgres()
  await server.createSchemas('app', 'orders')
  await server.query(`set role app; set search_path to orders; ${itemTable}; ${outboxTables}`, 'app')
  prisma = await createPrismaClient(PrismaClient, { url: server.url('app'), schema: 'orders', pool: { max: 20, acquireTimeout: 5000 } })
}, 120_000)

beforeEach(async () => {
  taken = []
  await server.query('truncate orders.scale_outbox, orders.scale_inbox, orders."Item"', 'app')
})

afterAll(async () => {
  await prisma?.$disconnect()
  await server?.stop()
  expect(unhandled.list).toEqual([])
  unhandled.stop()
})

const take: Publish = async ({ properties }) => {
  taken.push(properties.messageId)
}

function message(routingKey = 'order.created'): OutgoingMessage {
  return {
    exchange: 'orders',
    routingKey,
    content: '{"price":"9,99 €"}',
    properties: { messageId: randomUUID(), timestamp: 1_790_000_000, contentType: 'application/json', headers: { 'scale-tenant': 'acme' } },
    mandatory: true,
  }
}

async function write(written = message()): Promise<OutgoingMessage> {
  await prisma.$transaction(transaction => insertMessage(transaction, written), limits)
  return written
}

async function waiting(): Promise<{ attempts: number, last_error: string | null }[]> {
  return await prisma.$queryRawUnsafe('select attempts, last_error from scale_outbox order by id') as never
}

const round = (publish: Publish, batch = 100) => relayRound(prisma, { publish }, { batch, publishTimeout: 5000 })

describe('the outbox', () => {
  it('holds a message when its transaction commits, and only then', async () => {
    const kept = await write()
    await expect(prisma.$transaction(async (transaction) => {
      await insertMessage(transaction, message())
      throw new Error('the order could not be paid')
    }, limits)).rejects.toThrow('could not be paid')
    let published: OutgoingMessage | undefined
    expect(await round(async (given) => {
      published = given
    })).toMatchObject({ found: 1, published: 1, refused: [] })
    expect(published).toEqual(kept)
    expect(await waiting()).toEqual([])
  })

  it('is emptied by several relays at once, each message published once', async () => {
    const relays = Array.from({ length: 4 }, () => startRelay(take))
    const written = await Promise.all(Array.from({ length: 40 }, async () => {
      const ids: string[] = []
      for (let count = 0; count < 25; count++) ids.push((await write()).properties.messageId)
      return ids
    }))
    await waitFor(async () => (await waiting()).length === 0, { timeout: 30_000, message: 'the outbox to be empty' })
    await Promise.all(relays.map(relay => relay.stop(5000)))
    expect(taken.length).toBe(1000)
    expect(new Set(taken)).toEqual(new Set(written.flat()))
  })

  it('loses nothing when the database cuts relays off between the publish and the commit', async () => {
    const written = await Promise.all(Array.from({ length: 300 }, () => write()))
    let cuts = 0
    const relays = Array.from({ length: 3 }, () => startRelay(async (given) => {
      await take(given, 0)
      if (taken.length % 60 !== 0 || cuts === 4) return
      cuts++
      await server.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = \'app\' and pid <> pg_backend_pid() and state = \'idle in transaction\'', 'app')
    }, 20))
    await waitFor(async () => (await waiting().catch(() => [1])).length === 0, { timeout: 30_000, message: 'the outbox to be empty' })
    await Promise.all(relays.map(relay => relay.stop(5000)))
    expect(cuts).toBe(4)
    expect(new Set(taken)).toEqual(new Set(written.map(({ properties }) => properties.messageId)))
    expect(taken.length).toBeGreaterThan(300) // the copies bear the same ids
  })

  it('keeps what the broker refuses, tries it later, and does not hold up the rest', async () => {
    await write(message('nobody.listens'))
    const good = await write()
    const refuse: Publish = async (given) => {
      if (given.routingKey === 'nobody.listens') throw new PublishError('UNROUTABLE', 'No queue takes messages of orders with the key nobody.listens.')
      await take(given, 0)
    }
    expect(await round(refuse)).toMatchObject({ found: 2, published: 1, refused: [{ row: { attempts: 0 } }] })
    expect(taken).toEqual([good.properties.messageId])
    expect(await waiting()).toEqual([{ attempts: 1, last_error: 'No queue takes messages of orders with the key nobody.listens.' }])
    expect(await round(take)).toMatchObject({ found: 0 }) // not due yet
    await prisma.$executeRawUnsafe('update scale_outbox set next_attempt_at = now()')
    expect(await round(take)).toMatchObject({ found: 1, published: 1 })
  })

  it('counts no attempt when the broker cannot be reached', async () => {
    await write()
    const unknown: Publish = async () => {
      throw new PublishError('UNKNOWN_OUTCOME', 'No confirm came within 5000 ms.')
    }
    expect(await round(unknown)).toMatchObject({ found: 1, published: 0, refused: [] })
    expect(await waiting()).toEqual([{ attempts: 0, last_error: null }])
  })

  it('is not looked at while there is no connection to the broker', async () => {
    await write()
    const broker = { state: 'connecting' as Broker['state'], publish: take }
    let looked = 0
    const relay = createRelay({ broker, sources: [{ name: 'default', use: task => (looked++, source().use(task)) }], interval: 10, batch: 100, publishTimeout: 1000, log: silent })
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(looked).toBe(0)
    broker.state = 'connected'
    relay.nudge()
    await waitFor(() => taken.length === 1, { timeout: 5000 })
    await relay.stop(5000)
  })

  it('is emptied outside of the request that nudges', async () => {
    const requests = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const relay = createRelay({ broker: { state: 'connected', publish: take }, sources: [{ name: 'default', use: task => (seen.push(requests.getStore()), source().use(task)) }], interval: 60_000, batch: 100, publishTimeout: 1000, log: silent })
    await write()
    requests.run('a request', () => relay.nudge())
    await waitFor(() => taken.length === 1, { timeout: 5000 })
    await relay.stop(5000)
    expect(new Set(seen)).toEqual(new Set([undefined]))
  })

  it('says once that its database does not answer, and once that it does again', async () => {
    const lines: string[] = []
    const log = { warn: (line: string) => lines.push(line), info: (line: string) => lines.push(line) }
    let rounds = 0
    const broken: OutboxSource = { name: 'acme', use: task => ++rounds < 4 ? Promise.reject(new Error('connection refused')) : source().use(task) }
    const relay = createRelay({ broker: { state: 'connected', publish: take }, sources: [broken], interval: 5, batch: 100, publishTimeout: 1000, log })
    await waitFor(() => rounds > 5, { timeout: 5000 })
    await relay.stop(5000)
    expect(lines).toEqual(['The outbox of acme cannot be read, so its messages wait there: connection refused', 'The outbox of acme can be read again.'])
  })
})

describe('the inbox', () => {
  const addItem = (name: string) => (transaction: { $executeRawUnsafe: SqlClient['$executeRawUnsafe'] }) => Promise.resolve(transaction.$executeRawUnsafe('insert into "Item" (name) values ($1)', name))
  const items = async () => (await prisma.$queryRawUnsafe('select name from "Item" order by name') as { name: string }[]).map(({ name }) => name)

  it('applies a message once for each queue, however many copies come at once', async () => {
    const copies = Array.from({ length: 60 }, (_, index) => ({ queue: index % 2 ? 'email' : 'stock', messageId: `message-${index % 3}`, timeout: 5000 }))
    const applied = await Promise.all(copies.map(copy => applyOnce(prisma, copy, addItem(`${copy.queue} ${copy.messageId}`))))
    expect(applied.filter(Boolean).length).toBe(6)
    expect(await items()).toEqual(['email', 'stock'].flatMap(queue => [0, 1, 2].map(id => `${queue} message-${id}`)))
  })

  it('forgets a message whose effect failed, and applies the next copy', async () => {
    const entry = { queue: 'stock', messageId: 'one', timeout: 5000 }
    await expect(applyOnce(prisma, entry, async (transaction) => {
      await addItem('half')(transaction)
      throw new Error('out of stock')
    })).rejects.toThrow('out of stock')
    expect(await items()).toEqual([])
    expect(await applyOnce(prisma, entry, addItem('whole'))).toBe(true)
    expect(await applyOnce(prisma, entry, addItem('again'))).toBe(false)
    expect(await items()).toEqual(['whole'])
  })

  it('forgets what is older than its age', async () => {
    await applyOnce(prisma, { queue: 'stock', messageId: 'old', timeout: 5000 }, addItem('old'))
    await prisma.$executeRawUnsafe('update scale_inbox set processed_at = now() - interval \'8 days\'')
    await applyOnce(prisma, { queue: 'stock', messageId: 'new', timeout: 5000 }, addItem('new'))
    expect(await forgetApplied(prisma, 7 * 86_400_000)).toBe(1)
    expect(await applyOnce(prisma, { queue: 'stock', messageId: 'new', timeout: 5000 }, addItem('new'))).toBe(false)
  })
})

const silent = { warn: () => {}, info: () => {} }

function source(): OutboxSource {
  return { name: 'default', use: task => task(prisma) }
}

function startRelay(publish: Publish, batch = 100): Relay {
  return createRelay({ broker: { state: 'connected', publish }, sources: [source()], interval: 20, batch, publishTimeout: 5000, log: silent })
}
