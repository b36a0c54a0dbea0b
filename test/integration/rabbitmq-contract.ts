import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Broker } from '../../src/runtime/server/rabbitmq/broker'
import type { Delivery, OutgoingMessage } from '../../src/runtime/server/rabbitmq/message'
import type { BrokerTopology } from '../../src/runtime/server/rabbitmq/topology'
import { delayExchange, topologyOf } from '../../src/runtime/server/rabbitmq/topology'
import { waitFor } from '../support/wait'
import type { BrokerUnderTest } from './rabbitmq-behaviour'

/** What the feature relies on of a broker. */
export function describeBroker(name: string, startBroker: () => Promise<BrokerUnderTest>): void {
  describe(`a broker, ${name}`, () => {
    let server: BrokerUnderTest
    let broker: Broker
    let id: string
    let prefix: string
    let work: string
    let orders: string

    beforeAll(async () => {
      server = await startBroker()
      broker = await server.connect()
    })
    beforeEach(() => {
      id = randomUUID().slice(0, 8)
      prefix = `test-${id}`
      work = `work-${id}`
      orders = `orders-${id}`
    })
    afterAll(async () => {
      await broker?.close(1000)
      await server?.stop()
    })

    const topology = (settings: { deliveryLimit?: number, queues?: string[], keys?: string[] } = {}): BrokerTopology => topologyOf(
      (settings.queues ?? [work]).map(queue => ({ exchange: orders, queue, routingKeys: settings.keys ?? ['order.*'], delays: [100, 400] })),
      { prefix, queueType: 'quorum', deliveryLimit: settings.deliveryLimit ?? 20 },
    )
    const message = (content: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
      exchange: orders, routingKey: 'order.created', content: Buffer.from(content), mandatory: true, ...more,
      properties: { messageId: content, timestamp: 1, contentType: 'text/plain', headers: { number: 1, text: 'a', truth: true }, ...more.properties },
    })
    const publish = (content: string, more?: Partial<OutgoingMessage>) => broker.publish(message(content, more), 5000)
    const dead = () => `${work}.dlq`
    const text = (delivery: Delivery | undefined) => delivery?.content.toString()

    async function collect(connection: Broker, prefetch: number, queue = work) {
      const taken: Delivery[] = []
      const subscription = await connection.consume(queue, prefetch, delivery => taken.push(delivery))
      return { taken, subscription }
    }

    it('is connected', async () => {
      await broker.connect(5000)
      expect(broker.state).toBe('connected')
    })

    it('keeps a message as it was sent', async () => {
      await broker.declare(topology())
      await publish('one', { properties: { ...message('one').properties, type: 't', appId: 'app', correlationId: 'c', replyTo: 'r' } })
      const delivery = await waitFor(() => broker.get(work))
      expect(delivery).toMatchObject({
        exchange: orders, routingKey: 'order.created', queue: work, redelivered: false, deliveryCount: 0,
        properties: { messageId: 'one', timestamp: 1, contentType: 'text/plain', type: 't', appId: 'app', correlationId: 'c', replyTo: 'r', headers: { number: 1, text: 'a', truth: true } },
      })
      delivery.ack()
      expect(await broker.get(work)).toBeUndefined()
    })

    it('gives each queue that is bound one copy', async () => {
      const other = `other-${id}`
      await broker.declare(topology({ queues: [work, other], keys: ['order.*', '#', 'order.created'] }))
      await publish('one')
      await publish('two', { exchange: '', routingKey: other })
      await waitFor(async () => await broker.count(work) === 1 && await broker.count(other) === 2)
    })

    it('refuses what no queue takes, also where nobody declared the exchange, and drops what may be dropped', async () => {
      await broker.declare(topology())
      await expect(publish('one', { exchange: `none-${id}` })).rejects.toMatchObject({ code: 'UNROUTABLE' })
      await expect(publish('one', { routingKey: 'none' })).rejects.toMatchObject({ code: 'UNROUTABLE' })
      await expect(publish('one', { exchange: '', routingKey: `none-${id}` })).rejects.toMatchObject({ code: 'UNROUTABLE' })
      await publish('one', { routingKey: 'none', mandatory: false })
      await publish('two')
      expect(text(await waitFor(() => broker.get(work)))).toBe('two')
    })

    it('gives out no more than the prefetch, in order, and to consumers in turn', async () => {
      await broker.declare(topology())
      for (let index = 0; index < 10; index++) await publish(String(index))
      const one = await collect(broker, 2)
      await waitFor(() => one.taken.length === 2)
      const two = await collect(broker, 3)
      await waitFor(async () => two.taken.length === 3 && await broker.count(work) === 5)
      one.taken.shift()!.ack()
      await waitFor(() => one.taken.length === 2)
      expect([...one.taken, ...two.taken].map(text).sort()).toEqual(['1', '2', '3', '4', '5'])
      await Promise.all([one.subscription.cancel(), two.subscription.cancel()])
      expect(one.subscription.active).toBe(false)
      // Given out before the end, settled after it.
      for (const delivery of [...one.taken, ...two.taken]) delivery.ack()
      await waitFor(async () => await broker.count(work) === 4)
    })

    it('takes back what is released or rejected', async () => {
      await broker.declare(topology())
      await publish('one')
      ;(await waitFor(() => broker.get(work))).release()
      const second = await waitFor(() => broker.get(work))
      expect([text(second), second.redelivered]).toEqual(['one', true])
      second.reject(true)
      const third = await waitFor(() => broker.get(work))
      expect(third.deliveryCount).toBeGreaterThanOrEqual(1)
      third.reject(false)
      const letter = await waitFor(() => broker.get(dead()))
      expect([text(letter), letter.routingKey, letter.properties.headers['x-first-death-reason']]).toEqual(['one', work, 'rejected'])
      letter.ack()
    })

    it('gives back what a connection held when it ended, and counts it', async () => {
      await broker.declare(topology({ deliveryLimit: 2 }))
      await publish('one')
      const counts: number[] = []
      for (let times = 0; times < 3; times++) {
        const connection = await server.connect()
        const { taken } = await collect(connection, 5)
        await waitFor(() => taken.length === 1)
        counts.push(taken[0]!.deliveryCount)
        await connection.close(2000)
        // On a connection that is gone it has no effect.
        taken[0]!.ack()
      }
      expect(counts).toEqual([0, 1, 2])
      const letter = await waitFor(() => broker.get(dead()), { timeout: 15_000 })
      expect([text(letter), letter.properties.headers['x-first-death-reason']]).toEqual(['one', 'delivery_limit'])
      letter.ack()
      expect(await broker.count(work)).toBe(0)
    })

    it('lets messages wait and brings them back to their queue alone, the short ones first', async () => {
      const other = `other-${id}`
      await broker.declare(topology({ queues: [work, other] }))
      await publish('long', { exchange: delayExchange(prefix, 400), routingKey: work })
      await publish('short', { exchange: delayExchange(prefix, 100), routingKey: work })
      expect(await broker.get(work)).toBeUndefined()
      const { taken, subscription } = await collect(broker, 5)
      await waitFor(() => taken.length === 2)
      expect(taken.map(text)).toEqual(['short', 'long'])
      taken.forEach(delivery => delivery.ack())
      await subscription.cancel()
      expect(await broker.count(other)).toBe(0)
    })

    it('counts and purges', async () => {
      await broker.declare(topology())
      expect(await broker.count(`none-${id}`)).toBeUndefined()
      for (const content of ['one', 'two', 'three']) await publish(content)
      await waitFor(async () => await broker.count(work) === 3)
      expect(await broker.purge(work)).toBe(3)
      expect(await broker.count(work)).toBe(0)
    })

    it('leaves what is declared otherwise as it is', async () => {
      await broker.declare(topology({ deliveryLimit: 5 }))
      await publish('one')
      await broker.declare(topology({ deliveryLimit: 6 }))
      await broker.declare({ exchanges: [{ name: orders, type: 'direct' }], queues: [], bindings: [] })
      await publish('two')
      await waitFor(async () => await broker.count(work) === 2)
    })

    it.each(['taken one by one', 'of a consumer', 'of a consumer that is cancelled'])('settles what was acknowledged right before the end, %s', async (how) => {
      await broker.declare(topology())
      const contents = Array.from({ length: 20 }, (_, index) => String(index))
      await Promise.all(contents.map(content => publish(content)))
      const connection = await server.connect()
      await connection.connect(5000)
      const taken: Delivery[] = []
      if (how === 'taken one by one') {
        for (const _ of contents) taken.push((await connection.get(work))!)
      }
      else {
        const subscription = await connection.consume(work, 50, delivery => taken.push(delivery))
        await waitFor(() => taken.length === 20)
        if (how === 'of a consumer that is cancelled') await subscription.cancel()
      }
      const [kept, ...handled] = taken
      for (const delivery of handled) delivery.ack()
      await connection.close(2000)
      // Only the one that was not acknowledged comes again.
      const again = await waitFor(() => broker.get(work))
      expect(text(again)).toBe(text(kept))
      again.ack()
      expect(await broker.get(work)).toBeUndefined()
    })

    it('ends once, tells so, and takes nothing after', async () => {
      const connection = await server.connect()
      await connection.declare(topology())
      const states: string[] = []
      connection.onState(state => states.push(state))
      await Promise.all([connection.close(2000), connection.close(2000)])
      expect([connection.state, states]).toEqual(['closed', ['closed']])
      await expect(connection.publish(message('one'), 1000)).rejects.toMatchObject({ code: 'CLOSED' })
      await expect(connection.connect(100)).rejects.toThrow()
    })
  })
}
