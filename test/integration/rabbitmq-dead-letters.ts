import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { countQueues, replayDead, showDead } from '../../src/cli/dlq/dead-letters'
import type { Broker } from '../../src/runtime/server/rabbitmq/broker'
import type { RabbitFeature } from '../../src/runtime/server/rabbitmq/rabbit-feature'
import { createRabbitFeature } from '../../src/runtime/server/rabbitmq/rabbit-feature'
import { rabbitmqSettings } from '../../src/runtime/server/rabbitmq/settings'
import { waitFor } from '../support/wait'
import type { BrokerUnderTest } from './rabbitmq-behaviour'

/** What `nuxt-scale dlq` does, on whichever broker. */
export function describeDeadLetters(name: string, startBroker: () => Promise<BrokerUnderTest>): void {
  describe(`dead letters, ${name}`, () => {
    let server: BrokerUnderTest
    let broker: Broker
    let feature: RabbitFeature
    let queue: string
    let orders: string
    let broken: boolean
    let handled: unknown[]

    beforeAll(async () => {
      server = await startBroker()
      broker = await server.connect()
    })
    afterAll(async () => {
      await feature?.close()
      await broker?.close(1000)
      await server?.stop()
    })
    beforeEach(async () => {
      await feature?.close()
      const id = randomUUID().slice(0, 8)
      queue = `mail-${id}`
      orders = `orders-${id}`
      broken = true
      handled = []
      const settings = rabbitmqSettings.resolveGiven({ prefix: `test-${id}`, retry: { delays: ['10ms'] } }, {})
      const log = { info: () => {}, warn: () => {} }
      feature = createRabbitFeature({ broker: server.connect(), settings, role: 'all', log, currentTenant: () => '', runAsTenant: (_, task) => task() })
      await feature.subscribe(orders, queue, 'order.*', (message, { attempt, exchange, routingKey }) => {
        if (broken) throw new Error('The mail server is away.')
        handled.push([message, attempt, exchange, routingKey])
      })
      for (const number of [1, 2, 3]) await feature.publish(orders, 'order.created', { number }, { messageId: `m${number}` })
      await waitFor(async () => await broker.count(`${queue}.dlq`) === 3, { timeout: 15_000 })
    })

    const replay = (limit = Infinity, signal = new AbortController().signal) => {
      const progress: number[] = []
      return replayDead(broker, queue, { limit, signal, onProgress: done => progress.push(done) }).then(outcome => ({ outcome, progress }))
    }

    it('are counted', async () => {
      expect(await countQueues(broker, [queue, 'none'])).toEqual([{ queue, waiting: 0, dead: 3 }, { queue: 'none', waiting: null, dead: null }])
    })

    it('are shown and stay where they are', async () => {
      const letters = await showDead(broker, queue, 2)
      expect(letters.length).toBe(2)
      expect(letters[0]).toMatchObject({ type: 'order.created', exchange: orders, routingKey: 'order.created', reason: 'exhausted', attempt: 2, error: 'The mail server is away.', content: expect.stringMatching(/^\{"number":\d\}$/) as string })
      await waitFor(async () => await broker.count(`${queue}.dlq`) === 3)
      expect((await showDead(broker, queue, 10)).map(({ messageId }) => messageId).sort()).toEqual(['m1', 'm2', 'm3'])
      await expect(showDead(broker, 'none', 1)).rejects.toThrow('The queue none.dlq does not exist')
    })

    it('are replayed to their queue, each once, from the first attempt', async () => {
      broken = false
      expect(await replay()).toEqual({ outcome: { queue, replayed: 3, left: 0 }, progress: [1, 2, 3] })
      await waitFor(() => handled.length === 3)
      expect(handled.sort()).toEqual([1, 2, 3].map(number => [{ number }, 1, orders, 'order.created']))
      expect(await broker.count(`${queue}.dlq`)).toBe(0)
    })

    it('fail again with all their attempts, and none is lost', async () => {
      expect((await replay(2)).outcome).toEqual({ queue, replayed: 2, left: 1 })
      await waitFor(async () => await broker.count(`${queue}.dlq`) === 3, { timeout: 15_000 })
      expect((await showDead(broker, queue, 3)).map(({ attempt }) => attempt)).toEqual([2, 2, 2])
    })

    it('stay where they are when a replay is interrupted', async () => {
      expect((await replay(Infinity, AbortSignal.abort())).outcome).toEqual({ queue, replayed: 0, left: 3, error: 'interrupted' })
      expect(await broker.count(`${queue}.dlq`)).toBe(3)
    })
  })
}
