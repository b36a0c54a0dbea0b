import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Broker } from '../../src/runtime/server/rabbitmq/broker'
import { RejectMessage } from '../../src/runtime/server/rabbitmq/consume/control'
import type { MessageContext, RabbitConsumer } from '../../src/runtime/server/rabbitmq/consume/types'
import type { Delivery } from '../../src/runtime/server/rabbitmq/message'
import type { RabbitFeature } from '../../src/runtime/server/rabbitmq/rabbit-feature'
import { createRabbitFeature } from '../../src/runtime/server/rabbitmq/rabbit-feature'
import type { RabbitmqModuleOptions } from '../../src/runtime/server/rabbitmq/settings'
import { rabbitmqSettings } from '../../src/runtime/server/rabbitmq/settings'
import { currentTrace, runInTrace } from '../../src/runtime/server/request/trace'
import { deadLetterQueue } from '../../src/runtime/server/rabbitmq/topology'
import type { Role } from '../../src/runtime/server/core/instance'
import { waitFor } from '../support/wait'

/** A broker that tests talk to. */
export interface BrokerUnderTest {
  /** A connection of its own, as another process would have. */
  connect: () => Promise<Broker>
  stop: () => Promise<void>
}

/** What the feature does, on whichever broker. */
export function describeRabbitFeature(name: string, startBroker: () => Promise<BrokerUnderTest>): void {
  describe(`the RabbitMQ feature, ${name}`, () => {
    let server: BrokerUnderTest
    let tools: Broker
    let features: RabbitFeature[] = []
    /** Names of this test alone. */
    let id: string
    const tenants = new AsyncLocalStorage<string>()

    beforeAll(async () => {
      server = await startBroker()
      tools = await server.connect()
    })
    beforeEach(() => {
      id = randomUUID().slice(0, 8)
    })
    afterEach(async () => {
      await Promise.all(features.map(feature => feature.close()))
      features = []
    })
    afterAll(async () => {
      await tools?.close(1000)
      await server?.stop()
    })

    /** An instance of the app, with a connection of its own. */
    async function startInstance({ role = 'all', consumers = [], log = () => {}, ...options }: RabbitmqModuleOptions & { role?: Role, consumers?: RabbitConsumer[], log?: (message: string) => void } = {}) {
      const broker = await server.connect()
      const feature = createRabbitFeature({
        broker: Promise.resolve(broker),
        settings: rabbitmqSettings.resolveGiven({ prefix: `test-${id}`, retry: { delays: ['20ms', '40ms'] }, drainTimeout: '5s', ...options }, {}),
        role,
        log: { info: log, warn: log },
        currentTenant: () => tenants.getStore() ?? '',
        runAsTenant: (tenant, task) => tenants.run(tenant, task),
      })
      features.push(feature)
      feature.start(consumers.map((consumer, index) => ({ source: `consumers/${index}.ts`, consumer })))
      await Promise.all(consumers.map(({ queue }) => waitFor(async () => await tools.count(queue) !== undefined)))
      return { feature, broker }
    }

    const orders = () => `orders-${id}`
    const queue = (part = 'queue') => `${part}-${id}`
    const count = (name: string) => tools.count(name)

    async function takeDeadLetter(of: string): Promise<Delivery> {
      const letter = await waitFor(() => tools.get(deadLetterQueue(of)), { timeout: 20_000 })
      letter.ack()
      return letter
    }

    it('brings what is published to the handler, decoded, with what is known of it', async () => {
      const { feature } = await startInstance({ appId: 'shop' })
      const got: [unknown, MessageContext][] = []
      await feature.subscribe(orders(), queue(), 'order.created', (message, context) => void got.push([message, context]))
      await feature.publish(orders(), 'order.created', { orderId: 7, at: new Date(0) }, { correlationId: 'c1', headers: { kind: 'test' } })
      await waitFor(() => got.length === 1)
      const [message, { signal, properties, ...rest }] = got[0]!
      expect(message).toEqual({ orderId: 7, at: '1970-01-01T00:00:00.000Z' })
      expect(signal.aborted).toBe(false)
      expect(rest).toEqual({ attempt: 1, exchange: orders(), routingKey: 'order.created', queue: queue(), redelivered: false })
      expect(properties).toMatchObject({ type: 'order.created', appId: 'shop', contentType: 'application/json', correlationId: 'c1', headers: { kind: 'test' } })
      expect(properties.messageId).toMatch(/^[\da-f-]{36}$/)
      expect(Math.abs(properties.timestamp - Date.now() / 1000)).toBeLessThan(60)
      await waitFor(async () => await count(queue()) === 0)
    })

    it('tries a message once and once after each delay, then keeps it as a dead letter', async () => {
      const seen: [number, string, string][] = []
      const { feature } = await startInstance({ retry: { delays: ['20ms', '40ms', '10ms'] } })
      await feature.subscribe(orders(), queue(), '#', (_, { attempt, exchange, routingKey }) => {
        seen.push([attempt, exchange, routingKey])
        throw new Error('No luck with amqp://user:hidden@host/ today.')
      })
      await feature.publish(orders(), 'order.created', { orderId: 1 }, { messageId: 'poison' })
      const letter = await takeDeadLetter(queue())
      expect(seen).toEqual([1, 2, 3, 4].map(attempt => [attempt, orders(), 'order.created']))
      expect(letter.content.toString()).toBe('{"orderId":1}')
      expect(letter.properties).toMatchObject({ messageId: 'poison', headers: {
        'scale-attempt': 4,
        'scale-error': 'No luck with amqp://***@host/ today.',
        'scale-reason': 'exhausted',
        'scale-exchange': orders(),
        'scale-routing-key': 'order.created',
        'scale-queue': queue(),
      } })
      expect([await count(queue()), await count(deadLetterQueue(queue()))]).toEqual([0, 0])
      expect(seen.length).toBe(4)
    })

    it('makes dead letters at once of what the handler rejects and what is invalid', async () => {
      let runs = 0
      const consumer: RabbitConsumer = {
        exchange: orders(), queue: queue(), routingKey: ['order.created', 'order.raw'], schema: z.object({ orderId: z.number() }),
        handler: () => {
          runs++
          throw new RejectMessage('There is no such order.')
        },
      }
      const { feature, broker } = await startInstance({ consumers: [consumer] })
      const reasons = async () => {
        const { headers } = (await takeDeadLetter(queue())).properties
        return [headers['scale-reason'], headers['scale-attempt'], headers['scale-error']]
      }
      await feature.publish(orders(), 'order.created', { orderId: 1 })
      expect(await reasons()).toEqual(['rejected', 1, 'RejectMessage: There is no such order.'])
      await feature.publish(orders(), 'order.created', { orderId: 'one', password: 'hidden' })
      expect(await reasons()).toEqual(['invalid', 1, expect.stringMatching(/^RejectMessage: The message is invalid: orderId: (?!.*hidden)/)])
      const raw = { messageId: 'raw', timestamp: 0, headers: {} }
      await broker.publish({ exchange: orders(), routingKey: 'order.raw', content: Buffer.from('{"half'), mandatory: true, properties: { ...raw, contentType: 'application/json' } }, 5000)
      expect(await reasons()).toEqual(['invalid', 1, 'RejectMessage: The message is invalid: its content is not JSON.'])
      await broker.publish({ exchange: orders(), routingKey: 'order.raw', content: Buffer.from('1'), mandatory: true, properties: { ...raw, contentType: 'image/png' } }, 5000)
      expect((await reasons())[2]).toContain('image/png')
      expect(runs).toBe(1)
    })

    it('reads JSON whatever a sender calls it, and lets the schema decide', async () => {
      const got: unknown[] = []
      const { feature, broker } = await startInstance({ consumers: [{
        exchange: orders(), queue: queue(), routingKey: '#', schema: z.object({ orderId: z.number() }), handler: (message: { orderId: number }) => void got.push(message.orderId),
      }] })
      const send = (content: string, contentType: string) => broker.publish({
        exchange: orders(), routingKey: 'order.created', content: Buffer.from(content), mandatory: true, properties: { messageId: content, timestamp: 0, headers: {}, contentType },
      }, 5000)
      // It waits until the queue is bound.
      await feature.publish(orders(), 'order.created', { orderId: 6 })
      const names = ['application/octet-stream', 'text/plain; charset=utf-8', 'text/json', 'application/vnd.shop.order+json', 'application/json', 'Application/Octet-Stream']
      for (const [orderId, contentType] of names.entries()) await send(`{"orderId":${orderId}}`, contentType)
      await waitFor(() => got.length === names.length + 1)
      expect(got.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6])
      await send('Dear customer', 'text/plain')
      expect((await takeDeadLetter(queue())).properties.headers).toMatchObject({ 'scale-reason': 'invalid', 'scale-error': expect.stringContaining('its content is not JSON') })
      await send('{"orderId":"one"}', 'application/octet-stream')
      expect((await takeDeadLetter(queue())).properties.headers).toMatchObject({ 'scale-reason': 'invalid', 'scale-error': expect.stringContaining('orderId') })
    })

    it('says once what the first failure of a message was, and when it is tried again', async () => {
      const lines: string[] = []
      const { feature } = await startInstance({ retry: { delays: ['20ms', '40ms'] }, log: line => lines.push(line) })
      await feature.subscribe(orders(), queue(), '#', () => {
        throw new Error('No mail server at smtp://user:hidden@host/.')
      })
      await feature.publish(orders(), 'order.created', { card: '4111' })
      await takeDeadLetter(queue())
      const error = 'No mail server at smtp://***@host/.'
      expect(lines.filter(line => line.includes(queue()))).toEqual([
        `A message of the queue ${queue()} failed at attempt 1 of 3 and is retried in 20 ms: ${error}`,
        `A message of the queue ${queue()} was moved to its dead-letter queue (exhausted, attempt 3): ${error}`,
      ])
    })

    it('runs as many handlers as it may and holds as many messages as it may', async () => {
      let running = 0
      let most = 0
      let done = 0
      let open!: () => void
      const gate = new Promise<void>(resolve => open = resolve)
      const { feature } = await startInstance()
      await feature.subscribe(orders(), queue(), '#', async () => {
        most = Math.max(most, ++running)
        await gate
        await new Promise(setImmediate)
        running--
        done++
      }, { concurrency: 3, prefetch: 8 })
      await Promise.all(Array.from({ length: 30 }, (_, index) => feature.publish(orders(), 'a', index)))
      await waitFor(async () => running === 3 && await count(queue()) === 22)
      open()
      await waitFor(() => done === 30)
      expect(most).toBe(3)
    })

    it('aborts a handler that takes too long, and tries again', async () => {
      const reasons: unknown[] = []
      const { feature } = await startInstance({ timeout: '30ms' })
      await feature.subscribe(orders(), queue(), '#', (_, { signal }) => new Promise<void>((_, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push((signal.reason as Error).name)
          reject(signal.reason as Error)
        })
      }))
      await feature.publish(orders(), 'slow', 1)
      expect((await takeDeadLetter(queue())).properties.headers['scale-error']).toBe('HandlerTimeoutError: The handler took longer than 30 ms.')
      expect(reasons).toEqual(Array.from({ length: 3 }, () => 'HandlerTimeoutError'))
    })

    it('goes on when handlers hang and do not heed their signal', async () => {
      const done: unknown[] = []
      const { feature } = await startInstance({ timeout: '30ms', retry: { delays: [] }, drainTimeout: '500ms' })
      await feature.subscribe(orders(), queue(), '#', message => message === 'hangs' ? new Promise(() => {}) : done.push(message), { concurrency: 1 })
      for (const message of ['hangs', 'a', 'b']) await feature.publish(orders(), 'key', message)
      await waitFor(() => done.length === 2)
      expect((await takeDeadLetter(queue())).content.toString()).toBe('"hangs"')
    })

    it('lets no other queue see a retry, and no queue wait for another', async () => {
      const seen: Record<string, unknown[]> = { fails: [], other: [], hangs: [] }
      const { feature } = await startInstance({ drainTimeout: '500ms' })
      await feature.subscribe(orders(), queue('fails'), 'order.*', (message, { attempt }) => {
        seen.fails!.push(attempt)
        if (attempt < 3) throw new Error('Not yet.')
      })
      await feature.subscribe(orders(), queue('other'), 'order.*', message => seen.other!.push(message))
      await feature.subscribe(orders(), queue('hangs'), 'order.*', (message) => {
        seen.hangs!.push(message)
        return new Promise(() => {})
      }, { concurrency: 1 })
      await feature.publish(orders(), 'order.created', 'one')
      await waitFor(() => seen.fails!.length === 3)
      await feature.publish(orders(), 'order.paid', 'two')
      await waitFor(() => seen.fails!.length === 6)
      expect(seen.other).toEqual(['one', 'two'])
      expect(seen.hangs).toEqual(['one'])
    })

    it('stops in order and loses nothing', async () => {
      const handled: number[] = []
      const aborted: number[] = []
      const consumer = (): RabbitConsumer => ({
        exchange: orders(), queue: queue(), routingKey: '#', concurrency: 5, prefetch: 20,
        handler: async (message: number, { signal }: MessageContext) => {
          await new Promise(resolve => setTimeout(resolve, 2))
          if (signal.aborted) aborted.push(message)
          handled.push(message)
        },
      })
      const { feature } = await startInstance({ role: 'web', consumers: [consumer()] })
      await Promise.all(Array.from({ length: 200 }, (_, index) => feature.publish(orders(), 'a', index)))
      for (const stopAfter of [20, 60, 100, 200]) {
        const { feature: worker } = await startInstance({ role: 'worker', consumers: [consumer()] })
        await waitFor(() => handled.length >= stopAfter)
        await worker.close()
      }
      expect([...handled].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, index) => index))
      expect(aborted).toEqual([])
      expect([await count(queue()), await count(deadLetterQueue(queue()))]).toEqual([0, 0])
    })

    it('waits for no handler past its budget, and leaves its message to the next instance', async () => {
      const { feature } = await startInstance({ drainTimeout: '300ms' })
      let signal: AbortSignal | undefined
      await feature.subscribe(orders(), queue(), '#', (_, context) => {
        signal = context.signal
        return new Promise(() => {})
      })
      await feature.publish(orders(), 'a', 'unfinished')
      await waitFor(() => signal)
      await feature.close()
      expect(signal!.aborted).toBe(true)
      const { feature: next } = await startInstance()
      const got: unknown[] = []
      await next.subscribe(orders(), queue(), '#', (message, { redelivered, attempt }) => got.push([message, redelivered, attempt]))
      await waitFor(() => got.length === 1)
      expect(got).toEqual([['unfinished', true, 1]])
      await expect(feature.publish(orders(), 'a', 1)).rejects.toMatchObject({ code: 'CLOSED' })
    })

    it('carries the tenant and the trace, also through a retry, and nothing else of the request', async () => {
      const request = new AsyncLocalStorage<string>()
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
      const seen: unknown[] = []
      const { feature } = await startInstance()
      await feature.subscribe(orders(), queue(), '#', (_, { attempt }) => {
        seen.push([tenants.getStore(), currentTrace(), request.getStore()])
        if (attempt === 1) throw new Error('Not yet.')
      })
      const publish = () => feature.publish(orders(), 'a', 1)
      await publish()
      await waitFor(() => seen.length === 2)
      await request.run('request', () => tenants.run('acme', () => runInTrace({ traceparent, tracestate: 'vendor=1' }, publish)))
      await waitFor(() => seen.length === 4)
      const carried = ['acme', { traceparent, tracestate: 'vendor=1' }, undefined]
      expect(seen).toEqual([[undefined, undefined, undefined], [undefined, undefined, undefined], carried, carried])
    })

    it('in the role web declares everything and takes nothing; in the role worker takes what has come', async () => {
      const got: unknown[] = []
      const consumer: RabbitConsumer = { exchange: orders(), queue: queue(), routingKey: 'order.*', handler: message => got.push(message) }
      const { feature: web } = await startInstance({ role: 'web', consumers: [consumer] })
      await web.subscribe(orders(), queue('more'), 'order.*', message => got.push(message))
      await web.publish(orders(), 'order.created', 1)
      await waitFor(async () => await count(queue()) === 1 && await count(queue('more')) === 1)
      expect(got).toEqual([])
      await startInstance({ role: 'worker', consumers: [consumer] })
      await waitFor(() => got.length === 1)
      expect(await count(queue('more'))).toBe(1)
    })

    it('says when no queue takes a message, unless that is fine', async () => {
      const { feature } = await startInstance()
      await expect(feature.publish(orders(), 'order.created', 1)).rejects.toMatchObject({
        name: 'PublishError',
        code: 'UNROUTABLE',
        message: `The message for the exchange "${orders()}" with the routing key "order.created" was not stored, because no queue is bound for it. `
          + `Add a consumer for it to server/consumers/, or pass { unroutable: 'ignore' } to publish() if the message may be dropped.`,
      })
      await feature.publish(orders(), 'order.created', 1, { unroutable: 'ignore' })
    })

    it('shares the messages of a queue among instances, each taken once', async () => {
      const seen: [number, unknown][] = []
      for (const instance of [0, 1]) {
        const { feature } = await startInstance()
        await feature.subscribe(orders(), queue(), '#', async (message) => {
          seen.push([instance, message])
          await new Promise(resolve => setTimeout(resolve, 2))
        }, { prefetch: 2, concurrency: 2 })
      }
      await Promise.all(Array.from({ length: 60 }, (_, index) => features[0]!.publish(orders(), 'a', index)))
      await waitFor(() => seen.length === 60)
      expect(new Set(seen.map(([, message]) => message)).size).toBe(60)
      expect(new Set(seen.map(([instance]) => instance)).size).toBe(2)
    })

    it('a cancelled subscription takes no more, and its queue is free for another', async () => {
      const { feature } = await startInstance()
      const first: unknown[] = []
      const second: unknown[] = []
      const { cancel } = await feature.subscribe(orders(), queue(), '#', message => first.push(message))
      await expect(feature.subscribe(orders(), queue(), '#', () => {})).rejects.toThrow(`both consume the queue ${queue()}`)
      await feature.publish(orders(), 'a', 1)
      await waitFor(() => first.length === 1)
      await cancel()
      await feature.publish(orders(), 'a', 2)
      expect(await waitFor(() => count(queue()))).toBe(1)
      await feature.subscribe(orders(), queue(), '#', message => second.push(message))
      await waitFor(() => second.length === 1)
      expect(first).toEqual([1])
    })

    it('a cancelled subscription gives back what it has not begun', async () => {
      const { feature } = await startInstance()
      let open!: () => void
      const gate = new Promise<void>(resolve => open = resolve)
      const begun: unknown[] = []
      const { cancel } = await feature.subscribe(orders(), queue(), '#', (message) => {
        begun.push(message)
        return gate
      }, { concurrency: 1 })
      for (const message of [1, 2, 3]) await feature.publish(orders(), 'a', message)
      await waitFor(async () => begun.length === 1 && await count(queue()) === 0)
      const cancelled = cancel()
      await waitFor(async () => await count(queue()) === 2)
      open()
      await cancelled
      expect(begun).toEqual([1])
      await waitFor(async () => await count(queue()) === 2)
    })
  })
}
