import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createPrismaClient } from '../../src/prisma'
import { readGauges } from '../../src/runtime/server/core/instruments'
import type { OutgoingMessage } from '../../src/runtime/server/rabbitmq/message'
import { measureOutboxes } from '../../src/runtime/server/rabbitmq/outbox/measure-outboxes'
import { insertMessage } from '../../src/runtime/server/rabbitmq/outbox/rows'
import { outboxTables } from '../../src/runtime/server/rabbitmq/outbox/tables'
import type { SqlClient } from '../../src/runtime/server/rabbitmq/sql-client'
import { createLimiter } from '../../src/runtime/server/rate-limit/limiter'
import { createRedisLimits } from '../../src/runtime/server/rate-limit/redis-limits'
import { resolveRateLimit } from '../../src/runtime/server/rate-limit/settings'
import { collector, connectBroker, queueTopology, untilState } from '../support/amqp-broker'
import type { CacheProcess } from '../support/cache'
import { startCacheProcess } from '../support/cache'
import { messageOf, outcomeOf } from '../support/messages'
import { startPostgres } from '../support/postgres'
import { generatePrisma } from '../support/prisma'
import { startRabbit } from '../support/rabbitmq'
import { recordMetrics } from '../support/recorded-metrics'
import type { RedisServer } from '../support/redis'
import { startRedis } from '../support/redis'
import { waitFor } from '../support/wait'

const { values, sum } = recordMetrics()

describe('on Redis', () => {
  let redis: RedisServer
  let one: CacheProcess
  let two: CacheProcess

  beforeAll(async () => {
    redis = await startRedis()
    one = await startCacheProcess({ redis: { url: redis.url } })
    two = await startCacheProcess({ redis: { url: redis.url } })
  })

  afterAll(async () => {
    await Promise.all([one?.close(), two?.close()])
    await redis?.stop()
  })

  it('a lease that a failed load had kept is stolen', async () => {
    const fails = () => Promise.reject(new Error('away'))
    await expect(one.engine.get('stolen', fails, 60)).rejects.toThrow('away')
    const client = redis.client()
    const lease = await waitFor(async () => {
      const [key] = await client.keys('*:lease:{*stolen}')
      return key !== undefined && await client.get(key) === 'failed' && key
    })
    // The marker looks as if the load had failed two seconds ago.
    await client.pexpire(lease, 8000)
    expect(await two.engine.get('stolen', () => 1, 60)).toBe(1)
    expect(values('scale.cache.lease')).toEqual({ granted: 1, stolen: 1 })
  })

  it('a load is refused if its value was invalidated meanwhile, here or in another process', async () => {
    for (const invalidating of [one, two]) {
      await one.engine.get('refused', async () => {
        await invalidating.engine.invalidate('refused')
        return 1
      }, 60)
    }
    await one.engine.get('refused', () => 2, 60)
    expect(values('scale.cache.load.duration')).toEqual({ 'manual  refused': 2, 'manual  ok': 1 })
    expect(values('scale.cache.invalidations')).toMatchObject({ 'key local': 2 })
  })

  it('the bus measures its delay, and whether it is up', async () => {
    await waitFor(() => Number(values('scale.bus.delay')['']) >= 2)
    readGauges(() => {})
    expect(values('scale.redis.up')).toEqual({ commands: 1, subscriptions: 1 })
    expect(sum('scale.bus.delay')).toBeLessThan(5)
  })

  it('commands are measured by name and error, and a shared decision of a limit by its time', async () => {
    const limiter = createLimiter({ shared: createRedisLimits(one.connection, 1000), share: 1, onShared: () => {} })
    const rule = resolveRateLimit('api', { limit: 5, window: 1 }, 'rule')
    for (let count = 0; count < 3; count++) await limiter.take(rule, 'caller')
    expect(values('scale.rate_limit.duration')).toEqual({ '': 3 })
    await one.engine.get('measured', () => 1, 60)
    await expect(one.connection.run(client => client.call('HGET', 'one') as Promise<unknown>)).rejects.toThrow('wrong number of arguments')
    await expect(one.connection.run(() => new Promise(() => {}), 5, 'GET')).rejects.toThrow('5 ms')
    expect(values('db.client.operation.duration')).toMatchObject({
      'redis GET ': 1, 'redis EVALSHA ': expect.any(Number), 'redis _other reply': 1, 'redis GET timeout': 1,
    })
  })
})

it('on RabbitMQ, settlements are counted, and a blocked broker and the messages that wait for it are gauges', async () => {
  const server = await startRabbit()
  onTestFinished(() => server.stop())
  const tested = await connectBroker(server)
  const { broker } = tested
  await broker.declare(queueTopology('events'))
  const { deliveries, reach, take } = collector(() => {})
  await broker.consume('events', 10, take)
  for (const id of ['1', '2', '3']) await broker.publish(messageOf(id), 5000)
  await reach(3)
  deliveries[0]!.ack()
  deliveries[1]!.reject(false)
  deliveries[2]!.release()
  expect(values('messaging.client.operation.duration')).toMatchObject({ 'events ack': 1, 'events reject': 1, 'events nack': 1 })
  const gauges = () => {
    readGauges(() => {})
    return { ...values('scale.messaging.blocked'), waiting: values('scale.messaging.buffer_messages')[''] }
  }
  expect(gauges()).toEqual({ '': 0, 'waiting': 0 })
  await server.memoryAlarm(true)
  const outcomes = [outcomeOf(broker.publish(messageOf('4'), 20_000))]
  await untilState(tested, 'blocked')
  outcomes.push(outcomeOf(broker.publish(messageOf('5'), 20_000)))
  expect(gauges()).toEqual({ '': 1, 'waiting': 1 })
  expect(values('scale.messaging.unconfirmed')).toEqual({ '': 1 })
  await server.memoryAlarm(false)
  expect(await Promise.all(outcomes)).toEqual(['stored', 'stored'])
  expect(gauges()).toEqual({ '': 0, 'waiting': 0 })
}, 120_000)

it('on PostgreSQL, the messages of all outboxes and the age of the oldest are gauges', async () => {
  const { PrismaClient } = await import(await generatePrisma('test/fixtures/database')) as { PrismaClient: new (options: never) => SqlClient & { $disconnect: () => Promise<void> } }
  const server = await startPostgres()
  onTestFinished(() => server.stop())
  await server.createSchemas('app', 'one', 'two')
  const clients = await Promise.all(['one', 'two'].map(async (schema) => {
    await server.query(`set role app; set search_path to ${schema}; ${outboxTables}`, 'app')
    return createPrismaClient(PrismaClient, { url: server.url('app'), schema, pool: { max: 2, acquireTimeout: 5000 } })
  }))
  onTestFinished(() => Promise.all(clients.map(client => client.$disconnect())).then(() => {}))
  const message: OutgoingMessage = { ...messageOf('1'), content: '{}' }
  for (const client of [clients[0]!, clients[0]!, clients[1]!]) await client.$transaction(transaction => insertMessage(transaction, message), { maxWait: 5000, timeout: 5000 })
  await clients[1]!.$executeRawUnsafe('update scale_outbox set created_at = now() - interval \'90 seconds\'')
  const stop = measureOutboxes(clients.map((client, index) => ({ name: String(index), use: task => task(client) })), 50)
  onTestFinished(stop)
  await waitFor(() => values('scale.outbox.pending')[''] === 3)
  expect(values('scale.outbox.oldest')['']).toBeGreaterThanOrEqual(90)
  expect(values('scale.outbox.oldest')['']).toBeLessThan(150)
  for (const client of clients) await client.$executeRawUnsafe('truncate scale_outbox')
  await waitFor(() => values('scale.outbox.pending')[''] === 0)
  expect(values('scale.outbox.oldest')['']).toBe(0)
}, 120_000)
