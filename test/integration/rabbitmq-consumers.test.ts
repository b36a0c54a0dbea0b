import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { isAtLeast, parseVersion } from '../../src/runtime/server/rabbitmq/amqp/queue-arguments'
import type { Delivery } from '../../src/runtime/server/rabbitmq/message'
import { CONNECT_TIMEOUT, PUBLISH_TIMEOUT, collector, connectBroker, openBroker, queueTopology, untilState } from '../support/amqp-broker.ts'
import { messageOf } from '../support/messages.ts'
import type { RabbitServer } from '../support/rabbitmq.ts'
import { startRabbit } from '../support/rabbitmq.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { waitFor } from '../support/wait.ts'

let server: RabbitServer

beforeAll(async () => {
  server = await startRabbit()
})

afterAll(() => server.stop())

const soon = (message: string) => ({ timeout: 30_000, message })
const ids = (count: number, prefix = 'm') => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

async function brokerWith(queue: string, count = 0, declaration: Parameters<typeof queueTopology>[1] = {}) {
  const tested = await connectBroker(server)
  await tested.broker.declare(queueTopology(queue, declaration))
  await publish(tested.broker, queue, ids(count))
  return tested
}

async function publish(broker: Awaited<ReturnType<typeof connectBroker>>['broker'], queue: string, messageIds: string[]) {
  await Promise.all(messageIds.map(id => broker.publish(messageOf(id, { exchange: queue }), PUBLISH_TIMEOUT)))
}

it('gives out at most the prefetch, in order, and takes off what is acknowledged', async () => {
  const { broker } = await brokerWith('work', 30)
  const got = collector(() => {})
  const subscription = await broker.consume('work', 10, got.take)
  expect(subscription.active).toBe(true)
  await got.reach(10)
  expect(got.ids()).toEqual(ids(10))
  for (const delivery of got.deliveries.slice(0, 10)) delivery.ack()
  await got.reach(20)
  // The prefetch holds: nothing more comes while ten are open.
  await broker.count('work')
  expect(got.deliveries).toHaveLength(20)
  await subscription.cancel()
  expect(subscription.active).toBe(false)
  // Those that were given out can still be settled.
  for (const delivery of got.deliveries.slice(10)) delivery.ack()
  await waitFor(async () => await server.count('work') === 10, soon('the rest to be ready'))
  await waitFor(async () => (await server.control('list_consumers')).includes('work') === false, soon('the consumer to be gone'))
})

it('acknowledges out of order without ever taking off what is open', async () => {
  const { broker } = await brokerWith('order', 100)
  const got = collector(() => {})
  const subscription = await broker.consume('order', 100, got.take)
  await got.reach(100)
  // Every third stays open.
  got.deliveries.forEach((delivery, index) => index % 3 === 0 || delivery.ack())
  await broker.count('order')
  await subscription.cancel()
  await broker.close(5000)
  await waitFor(async () => await server.count('order') === 34, soon('the open ones to come back'))
  expect((await server.drain('order')).map(message => message.messageId).sort()).toEqual(ids(100).filter((_, index) => index % 3 === 0).sort())
})

it('counts a rejection and a crash towards the delivery limit, then dead-letters', async () => {
  const { broker } = await connectBroker(server)
  const topology = queueTopology('limited', { deliveryLimit: 3, deadLetterExchange: '', deadLetterKey: 'limited.dlq' })
  await broker.declare({ ...topology, queues: [...topology.queues, { name: 'limited.dlq', type: 'quorum' }] })
  await publish(broker, 'limited', ['poison'])
  const got = collector(delivery => delivery.reject(true))
  await broker.consume('limited', 10, got.take)
  await waitFor(async () => await broker.count('limited.dlq') === 1, soon('the dead letter'))
  expect(got.deliveries.map(delivery => [delivery.deliveryCount, delivery.redelivered])).toEqual([[0, false], [1, true], [2, true], [3, true]])
})

it('puts back what is released, and rejects for good what is rejected', async () => {
  const { broker } = await brokerWith('back', 2, { deadLetterExchange: '', deadLetterKey: 'nowhere' })
  const seen: string[] = []
  const got = collector((delivery) => {
    seen.push(`${delivery.properties.messageId} ${delivery.redelivered ? 'again' : 'first'}`)
    if (delivery.properties.messageId === 'm1') delivery.reject(false)
    else if (delivery.redelivered) delivery.ack()
    else delivery.release()
  })
  await broker.consume('back', 1, got.take)
  await got.reach(3)
  expect(seen.sort()).toEqual(['m0 again', 'm0 first', 'm1 first'])
  // Settled once: the second has no effect, and above all does not close the channel.
  got.deliveries[0]!.ack()
  got.deliveries[0]!.reject(true)
  await publish(broker, 'back', ['m2'])
  await got.reach(4)
})

it('goes on after an exception of who takes the message', async () => {
  const { broker, lines } = await brokerWith('thrown', 1)
  let calls = 0
  const got = collector((delivery) => {
    if (calls++ === 0) throw new Error('mine')
    delivery.ack()
  })
  await broker.consume('thrown', 1, got.take)
  await got.reach(2)
  expect(lines).toEqual([expect.stringContaining('mine')])
})

it('subscribes on a new connection while handlers hang, and a late acknowledgement takes off nothing', async () => {
  const proxy = await startTcpProxy(server.port)
  onTestFinished(() => proxy.close())
  const tested = openBroker([server.url(proxy.port)])
  await tested.broker.connect(CONNECT_TIMEOUT)
  await tested.broker.declare(queueTopology('hung'))
  await publish(tested.broker, 'hung', ids(10))
  const got = collector(() => {})
  await tested.broker.consume('hung', 5, got.take)
  await got.reach(5)
  const stale = got.deliveries.slice(0, 5)
  proxy.cut()
  await untilState(tested, 'connecting')
  await got.reach(10)
  expect(got.deliveries.slice(5).every(delivery => delivery.redelivered)).toBe(true)
  // Their tags are those of the new deliveries, which are open.
  stale.forEach((delivery, index) => index % 2 === 0 ? delivery.ack() : delivery.reject(false))
  for (const delivery of got.deliveries.slice(5, 7)) delivery.ack()
  await got.reach(12)
  await tested.broker.close(5000)
  await waitFor(async () => await server.count('hung') === 8, soon('everything but the two to come back'))
})

it('consumes on after the broker closed its channel, over the same connection', async () => {
  // The broker closes the channel of a consumer that settles nothing for half an hour; here it is a second.
  const setLimits = (timeout: number, tick: number) => server.control('eval', `application:set_env(rabbit, consumer_timeout, ${timeout}), application:set_env(rabbit, channel_tick_interval, ${tick}).`)
  await setLimits(1000, 500)
  onTestFinished(() => setLimits(1_800_000, 60_000).then(() => {}))
  const tested = await brokerWith('channel', 2)
  const states: string[] = []
  tested.broker.onState(state => states.push(state))
  const got = collector(() => {})
  await tested.broker.consume('channel', 1, got.take)
  await got.reach(2)
  expect(got.ids()).toEqual(['m0', 'm0'])
  got.deliveries[0]!.ack()
  got.deliveries[1]!.ack()
  await got.reach(3)
  expect(got.ids()[2]).toBe('m1')
  expect(states).toEqual([])
  // RabbitMQ 4.3 ends the consumer alone, and closes nothing until it is acknowledged that late.
  const endsConsumerAlone = isAtLeast(parseVersion(await server.control('version')), 4, 3)
  const reason = endsConsumerAlone ? 'Unknown consumer' : 'PRECONDITION_FAILED - delivery acknowledgement on channel'
  expect(tested.lines).toEqual([expect.stringContaining(`The consumer of the queue "channel" was interrupted and is started again: ${reason}`)])
})

it('makes a deleted queue again and consumes it', async () => {
  const { broker } = await brokerWith('deleted')
  const got = collector()
  await broker.consume('deleted', 10, got.take)
  await server.onChannel(channel => channel.deleteQueue('deleted'))
  await waitFor(async () => await broker.count('deleted') === 0, soon('the queue to be there again'))
  await waitFor(async () => (await server.control('list_consumers', 'queue_name')).includes('deleted'), soon('its consumer'))
  await publish(broker, 'deleted', ['after'])
  await got.reach(1)
})

it('makes a deleted queue again when that works only later', async () => {
  const mayDeclare = (may: boolean) => server.control('set_permissions', 'app', may ? '.*' : '^$', '.*', '.*')
  onTestFinished(() => mayDeclare(true).then(() => {}))
  const { broker, lines } = await brokerWith('refused')
  const got = collector()
  const subscription = await broker.consume('refused', 10, got.take)
  // A channel remembers what it may do, and this question ends it.
  expect(await broker.count('not there')).toBeUndefined()
  await mayDeclare(false)
  await server.control('delete_queue', 'refused')
  await waitFor(() => lines.some(line => line.startsWith('The consumer of the queue "refused" was interrupted')), soon('the consumer to be refused'))
  expect([subscription.active, await broker.count('refused')]).toEqual([false, undefined])
  await mayDeclare(true)
  await waitFor(() => subscription.active, soon('the queue and its consumer'))
  await publish(broker, 'refused', ['after'])
  await got.reach(1)
})

it('waits for a queue that nobody declared, and tells so once', async () => {
  const { broker, lines } = await connectBroker(server)
  const got = collector()
  const subscription = await broker.consume('nobody', 10, got.take)
  expect(subscription.active).toBe(false)
  await server.onChannel(channel => channel.assertQueue('nobody', { durable: true }))
  await waitFor(() => subscription.active, soon('the subscription'))
  await broker.publish(messageOf('a', { exchange: '', routingKey: 'nobody' }), PUBLISH_TIMEOUT)
  await got.reach(1)
  expect(lines.filter(line => line.includes('nobody'))).toHaveLength(1)
})

it('starts a consumer that was asked for before there was a connection', async () => {
  const { broker } = openBroker([server.url()])
  await broker.declare(queueTopology('early'))
  const got = collector()
  const subscription = await broker.consume('early', 10, got.take)
  expect(subscription.active).toBe(false)
  await broker.publish(messageOf('a', { exchange: 'early' }), PUBLISH_TIMEOUT)
  await got.reach(1)
})

it('takes off everything that is acknowledged at once', async () => {
  const { broker } = await brokerWith('many', 3000)
  const got = collector()
  await broker.consume('many', 300, got.take)
  await got.reach(3000)
  await broker.close(5000)
  expect(await server.count('many')).toBe(0)
  expect(new Set(got.ids()).size).toBe(3000)
})

it('settles each delivery once, in whatever way and order, over random cuts', async () => {
  const proxy = await startTcpProxy(server.port)
  onTestFinished(() => proxy.close())
  const tested = openBroker([server.url(proxy.port)], { maxBackoff: 100 })
  await tested.broker.connect(CONNECT_TIMEOUT)
  await tested.broker.declare(queueTopology('random'))
  await publish(tested.broker, 'random', ids(2000))
  const acknowledged = new Set<string>()
  let settled = 0
  const handle = (delivery: Delivery) => {
    const dice = Math.random()
    setTimeout(() => {
      settled++
      if (dice < 0.7) {
        delivery.ack()
        acknowledged.add(delivery.properties.messageId)
      }
      else if (dice < 0.85) {
        delivery.reject(true)
      }
      else {
        delivery.release()
      }
    }, Math.random() * 10)
  }
  const got = collector(handle)
  await tested.broker.consume('random', 100, got.take)
  for (let cut = 1; cut <= 4; cut++) {
    await got.reach(cut * 500)
    proxy.cut()
  }
  await waitFor(() => acknowledged.size === 2000, soon('every message to be acknowledged'))
  // What was acknowledged on a connection that was cut is delivered anew.
  await waitFor(async () => {
    const before = got.deliveries.length
    await sleep(200)
    return settled === before && got.deliveries.length === before
  }, soon('the last delivery'))
  await tested.broker.close(5000)
  await waitFor(async () => await server.count('random') === 0, soon('the queue to be empty'))
})
