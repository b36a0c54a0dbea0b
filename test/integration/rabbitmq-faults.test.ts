import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import type { InboxContext, MessageHandler } from '../../src/runtime/server/rabbitmq/consume/types'
import { createMessageTransactions } from '../../src/runtime/server/rabbitmq/outbox/create-message-transactions'
import { outboxSettings } from '../../src/runtime/server/rabbitmq/outbox/outbox-settings'
import { outboxTables } from '../../src/runtime/server/rabbitmq/outbox/tables'
import { createRabbitFeature } from '../../src/runtime/server/rabbitmq/rabbit-feature'
import { rabbitmqSettings } from '../../src/runtime/server/rabbitmq/settings'
import type { SqlTransaction } from '../../src/runtime/server/rabbitmq/sql-client'
import { CONNECT_TIMEOUT, PUBLISH_TIMEOUT, collector, connectBroker, openBroker, queueTopology, untilState } from '../support/amqp-broker.ts'
import { messageOf, outcomeOf, tally } from '../support/messages.ts'
import { startPostgres } from '../support/postgres.ts'
import { floodBlockedBroker } from '../support/publish-flood.ts'
import type { RabbitServer } from '../support/rabbitmq.ts'
import { startRabbit } from '../support/rabbitmq.ts'
import { createPlainSqlClient } from '../support/sql-client.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { waitFor } from '../support/wait.ts'

const WINDOW = 256
const silent = { info: () => {}, warn: () => {} }
/** RabbitMQ 3.10.8 loses what it confirmed on a quorum queue that is younger than a second when it is killed. */
const SETTLING = 3000

let server: RabbitServer

beforeAll(async () => {
  server = await startRabbit()
})

afterAll(() => server.stop())

const soon = (message: string) => ({ timeout: 60_000, message })

/** The inbox of a consumer in PostgreSQL, next to a table of effects without any key of its own. */
async function startInbox() {
  const postgres = await startPostgres()
  const client = createPlainSqlClient(postgres.url(), 16)
  onTestFinished(async () => {
    await client.close()
    await postgres.stop()
  })
  await client.$executeRawUnsafe(`${outboxTables}; create table effect (message_id text not null)`)
  const made = createMessageTransactions({
    settings: outboxSettings.resolveGiven({ interval: '1h' }),
    publishTimeout: PUBLISH_TIMEOUT,
    useDatabase: (_, task) => task(client),
    useTenant: () => Promise.reject(new Error('no tenants here')),
    currentTenant: () => '',
    log: silent,
  })
  const inbox = {
    /** Messages whose effect was applied, and those that came after it. */
    applied: 0,
    copies: 0,
    transactions: {
      ...made,
      async applyOnce(...given: Parameters<typeof made.applyOnce>) {
        const applied = await made.applyOnce(...given)
        if (applied) inbox.applied++
        else inbox.copies++
        return applied
      },
    },
    count: async () => (await client.$queryRawUnsafe('select count(*)::int as effects, count(distinct message_id)::int as messages from effect') as { effects: number, messages: number }[])[0],
  }
  return inbox
}

async function proxied() {
  const proxy = await startTcpProxy(server.port)
  onTestFinished(() => proxy.close())
  return proxy
}

it('loses none of 100,000 messages over six cuts and a crash of the broker, and applies none twice', async () => {
  const count = 100_000
  const inbox = await startInbox()
  const proxy = await proxied()
  const { broker } = openBroker([server.url(proxy.port)], { window: WINDOW })
  // Everything that is held is in the database at once, so that a cut finds as many in the middle of their transactions as can be.
  const settings = rabbitmqSettings.resolveGiven({ prefetch: WINDOW, concurrency: WINDOW, publishTimeout: '4m', retry: { delays: [] }, outbox: {} }, {})
  const feature = createRabbitFeature({ broker: Promise.resolve(broker), settings, role: 'all', log: silent, transactions: inbox.transactions, currentTenant: () => '', runAsTenant: (_, task) => task() })
  onTestFinished(() => feature.close())
  await feature.connect({ timeout: CONNECT_TIMEOUT / 1000 })
  const insert: MessageHandler<null, InboxContext> = async (_, { tx, properties }) => {
    await (tx as SqlTransaction).$executeRawUnsafe('insert into effect (message_id) values ($1)', properties.messageId)
  }
  await feature.subscribe('survivors', 'survivors', '#', insert as MessageHandler<null>, { dedupe: true })
  await sleep(SETTLING)

  const faults = [8, 20, 32, 44, 50, 60, 75].map(percent => count * percent / 100)
  const outcomes: string[] = []
  let next = 0
  let crash: Promise<void> | undefined
  async function lane() {
    while (next < count) {
      outcomes.push(await outcomeOf(feature.publish('survivors', 'order.created', null, { messageId: String(next++) })))
      if (outcomes.length < (faults[0] ?? Number.POSITIVE_INFINITY)) continue
      if (faults.shift() === count / 2) crash = server.kill().then(() => server.restart())
      else proxy.cut()
    }
  }
  await Promise.all(Array.from({ length: 2000 }, lane))
  await crash
  expect(faults).toEqual([])
  expect(tally(outcomes)).toEqual({ stored: count })

  await waitFor(() => inbox.applied >= count, { timeout: 200_000, message: () => `${count} messages to be applied, of which ${inbox.applied} were` })
  // With those that are on their way to a handler, which a close would give back.
  await waitFor(async () => /^survivors\t0$/m.test(await server.control('list_queues', 'name', 'messages')), soon('the queue to be empty'))
  await feature.close()
  expect([await server.count('survivors'), await server.count('survivors.dlq')]).toEqual([0, 0])
  expect(await inbox.count()).toEqual({ effects: count, messages: count })
  expect(inbox.copies).toBeGreaterThan(0)
  // A fault makes at most everything under way, there and back, come twice.
  expect(inbox.copies).toBeLessThanOrEqual(7 * (WINDOW + WINDOW))
  console.log(`${count} confirmed, 0 lost, ${inbox.copies} duplicates came, 0 applied twice`)
}, 500_000)

it('holds no more than its buffer while the broker is blocked, fails fast, and closes in time', async () => {
  await server.onChannel(channel => channel.assertQueue('blocked', { durable: true }))
  await server.memoryAlarm(true)
  onTestFinished(() => server.memoryAlarm(false))
  const megabyte = 1024 * 1024
  const buffer = { messages: 10_000, bytes: 16 * megabyte, onFull: 'reject' as const }
  const result = await floodBlockedBroker({ url: server.url(), queue: 'blocked', count: 20_000, bytes: 10_000, buffer, closeTimeout: 2000 })
  const held = Math.floor((buffer.bytes - 2) / 10_000)
  // Held back from the first on: nothing of it was ever sent.
  expect(result.outcomes).toEqual({ BLOCKED: 20_000 - held, CLOSED: held })
  expect(result.failedFast).toBe(20_000 - held)
  // Beside the buffer there are 20,000 promises and their errors, which the test keeps.
  expect(result.retained).toBeLessThan(2 * buffer.bytes)
  // 200 MB were published, most of which were garbage at once.
  expect(result.growth).toBeLessThan(100 * megabyte)
  expect(result.closedAfter).toBeLessThan(2000 + 1000)
  console.log(`${Math.round(result.retained / megabyte)} MB retained, ${Math.round(result.growth / megabyte)} MB at most, closed after ${Math.round(result.closedAfter)} ms`)
}, 120_000)

it('is blocked and goes on by itself, and its consumers never stop', async () => {
  const tested = await connectBroker(server)
  await tested.broker.declare(queueTopology('alarmed'))
  const got = collector()
  await server.memoryAlarm(true)
  onTestFinished(() => server.memoryAlarm(false))
  await tested.broker.consume('alarmed', 10, got.take)
  const held = Array.from({ length: 500 }, (_, index) => outcomeOf(tested.broker.publish(messageOf(String(index), { exchange: 'alarmed' }), PUBLISH_TIMEOUT)))
  await untilState(tested, 'blocked')
  expect(await tested.broker.count('alarmed')).toBe(0)
  await server.memoryAlarm(false)
  expect(tally(await Promise.all(held))).toEqual({ stored: 500 })
  await untilState(tested, 'connected')
  await got.reach(500)
  expect(tested.lines).toEqual([expect.stringContaining('accepts no messages now'), expect.stringContaining('is available again')])
}, 120_000)

it('consumes on the new connection after a crash while every handler hangs', async () => {
  const proxy = await proxied()
  const tested = openBroker([server.url(proxy.port)])
  await tested.broker.connect(CONNECT_TIMEOUT)
  await tested.broker.declare(queueTopology('hanging'))
  await sleep(SETTLING)
  await Promise.all(Array.from({ length: 20 }, (_, index) => tested.broker.publish(messageOf(String(index), { exchange: 'hanging' }), PUBLISH_TIMEOUT)))
  const got = collector(() => {})
  await tested.broker.consume('hanging', 10, got.take)
  await got.reach(10)
  await server.restart()
  await got.reach(20)
  // The first ten never return. Their acknowledgements would be of other messages.
  got.deliveries.slice(0, 10).forEach(delivery => delivery.ack())
  got.deliveries.slice(10).forEach(delivery => delivery.ack())
  await got.reach(30)
  got.deliveries.slice(20).forEach(delivery => delivery.ack())
  await tested.broker.close(10_000)
  await waitFor(async () => await server.count('hanging') === 0, soon('the queue to be empty'))
  expect(new Set(got.ids()).size).toBe(20)
}, 120_000)

it('buffers and rejects while the broker is down at the start, and sends when it comes', async () => {
  await server.kill()
  const rejecting = openBroker([server.url()], { buffer: { messages: 10 } })
  const waiting = openBroker([server.url()], { buffer: { messages: 10, onFull: 'wait' } })
  const topology = queueTopology('late')
  for (const { broker } of [rejecting, waiting]) {
    await expect(broker.connect(200)).rejects.toThrow('cannot be reached within 200 ms')
    await broker.declare(topology)
  }
  const publish = ({ broker }: typeof waiting, count: number, timeout: number) =>
    Array.from({ length: count }, (_, index) => outcomeOf(broker.publish(messageOf(String(index), { exchange: 'late' }), timeout)))
  expect(tally(await Promise.all(publish(waiting, 5, 100)))).toEqual({ UNAVAILABLE: 5 })
  const rejected = publish(rejecting, 15, PUBLISH_TIMEOUT)
  expect(tally(await Promise.all(rejected.slice(10)))).toEqual({ BUFFER_FULL: 5 })
  const held = publish(waiting, 50, PUBLISH_TIMEOUT)
  await server.restart()
  expect(tally(await Promise.all(rejected.slice(0, 10)))).toEqual({ stored: 10 })
  expect(tally(await Promise.all(held))).toEqual({ stored: 50 })
  expect(await server.count('late')).toBe(60)
}, 120_000)

it.each(['is healthy', 'is paused', 'is killed', 'is blocked'])('closes within its time and tells the truth about 2,000 messages when the broker %s', async (condition) => {
  const queue = `close-${condition.replace(/\W/g, '-')}`
  const { broker } = await connectBroker(server)
  await broker.declare(queueTopology(queue))
  const got = collector(() => {})
  await broker.consume(queue, 10, got.take)
  await broker.publish(messageOf('first', { exchange: queue }), PUBLISH_TIMEOUT)
  await got.reach(1)
  await sleep(SETTLING)
  if (condition === 'is blocked') await server.memoryAlarm(true)
  const outcomes = Array.from({ length: 2000 }, (_, index) => outcomeOf(broker.publish(messageOf(String(index), { exchange: queue }), 600_000)))
  // Some are under way.
  await new Promise(resolve => setImmediate(resolve))
  if (condition === 'is paused') await server.pause()
  if (condition === 'is killed') await server.kill()
  const budget = condition === 'is healthy' ? 30_000 : 2000
  const start = performance.now()
  await broker.close(budget)
  const took = performance.now() - start
  const ended = await Promise.all(outcomes)
  if (condition === 'is paused') await server.resume()
  if (condition === 'is killed') await server.restart()
  if (condition === 'is blocked') await server.memoryAlarm(false)
  // Half a second for a busy machine.
  expect(took).toBeLessThan(budget + 500)
  const known = tally(ended)
  expect(Object.keys(known).filter(outcome => !['stored', 'UNKNOWN_OUTCOME', 'CLOSED'].includes(outcome))).toEqual([])
  if (condition === 'is healthy') expect(known).toEqual({ stored: 2000 })
  const stored = new Set((await server.drain(queue)).map(message => message.messageId))
  expect(ended.flatMap((outcome, index) => outcome === 'stored' && !stored.has(String(index)) ? [index] : [])).toEqual([])
  expect(ended.flatMap((outcome, index) => outcome === 'CLOSED' && stored.has(String(index)) ? [index] : [])).toEqual([])
}, 120_000)

it('gives a silent connection up and sends again what it did not confirm', async () => {
  const proxy = await proxied()
  const tested = openBroker([server.url(proxy.port)], { heartbeat: 1000 })
  await tested.broker.connect(CONNECT_TIMEOUT)
  await tested.broker.declare(queueTopology('silent'))
  await tested.broker.publish(messageOf('before', { exchange: 'silent' }), PUBLISH_TIMEOUT)
  proxy.freeze({ discard: true })
  const outcomes = Array.from({ length: 100 }, (_, index) => outcomeOf(tested.broker.publish(messageOf(String(index), { exchange: 'silent' }), PUBLISH_TIMEOUT)))
  await untilState(tested, 'connecting')
  proxy.thaw()
  expect(tally(await Promise.all(outcomes))).toEqual({ stored: 100 })
  const stored = (await server.drain('silent')).map(message => message.messageId)
  expect(new Set(stored).size).toBe(101)
}, 120_000)

it('says that the outcome is unknown when the broker does not confirm in time', async () => {
  const { broker } = await connectBroker(server)
  await broker.declare(queueTopology('unknown'))
  await broker.publish(messageOf('before', { exchange: 'unknown' }), PUBLISH_TIMEOUT)
  await server.pause()
  const error = await broker.publish(messageOf('a', { exchange: 'unknown' }), 300).catch((reason: Error) => reason)
  await server.resume()
  expect(error).toMatchObject({ code: 'UNKNOWN_OUTCOME', message: expect.stringContaining('the outcome is unknown') })
  await waitFor(async () => await broker.count('unknown') === 2, soon('the message to be stored after all'))
}, 120_000)
