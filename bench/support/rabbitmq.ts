import type { ConfirmChannel } from 'amqplib'
import { connect as connectManaged } from 'amqp-connection-manager'
import { Connection } from 'rabbitmq-client'
import type { RabbitServer } from '../../test/support/rabbitmq.ts'
import { createAmqpBroker, createRabbitFeature, rabbitmqSettings } from './engine.ts'

/** Publishes to a queue and resolves when the broker has confirmed it. */
export type Publish = (index: number) => Promise<unknown>

/** Consumes a queue: calls `taken` for each message, and acknowledges it. @returns stops it */
type Consume = (prefetch: number, taken: () => void) => Promise<() => Promise<unknown>>

/** A client of RabbitMQ under comparison. */
export interface RabbitPeer {
  publish: Publish
  /** Where `publish` takes an object and makes JSON of it: the same of bytes that are ready. */
  publishBytes?: Publish
  consume: Consume
  close: () => Promise<unknown>
}

const content = Buffer.alloc(1024, 'x')
/** As JSON it is as long as {@link content}. */
const message = { text: 'x'.repeat(1024 - JSON.stringify({ text: '' }).length) }
const silent = { info: () => {}, warn: () => {} }
/** Milliseconds that a confirm may take on a busy machine. */
const TIMEOUT = 60_000

/**
 * Ours, at its defaults but for the window: `publish` as an app calls it, from the object to the confirm, with every message mandatory, persistent, under a deadline
 * and with an id, a type, a time and a content type. Consuming begins below the handler, where others begin too.
 *
 * @param frames `false` publishes with amqplib's own `publish()` instead of frames of the module
 */
export async function startOurs(server: RabbitServer, queue: string, window: number, frames = true): Promise<RabbitPeer> {
  const broker = createAmqpBroker({ urls: [server.url()], window, frames, log: silent })
  await broker.connect(TIMEOUT)
  const settings = rabbitmqSettings.resolveGiven({ publishTimeout: '60s' }, {})
  const feature = createRabbitFeature({ broker: Promise.resolve(broker), settings, role: 'web', log: silent, currentTenant: () => '', runAsTenant: (_, task) => task() })
  return {
    publish: index => feature.publish('', queue, message, { messageId: String(index) }),
    async consume(prefetch, taken) {
      const subscription = await broker.consume(queue, prefetch, (delivery) => {
        delivery.ack()
        taken()
      })
      return () => subscription.cancel()
    },
    close: () => feature.close(),
  }
}

/** amqplib used by somebody who knows it: one confirm channel, bytes that are ready, and an acknowledgement of many at a time. */
export async function startRaw(server: RabbitServer, queue: string): Promise<RabbitPeer & { channel: ConfirmChannel }> {
  const model = await server.client()
  const channel = await model.createConfirmChannel()
  return {
    channel,
    publish: index => new Promise<void>((resolve, reject) => {
      channel.publish('', queue, content, { persistent: true, messageId: String(index) }, error => error ? reject(error as Error) : resolve())
    }),
    async consume(prefetch, taken) {
      const consuming = await model.createChannel()
      await consuming.prefetch(prefetch)
      let since = 0
      await consuming.consume(queue, (message) => {
        if (!message) return
        if (++since % 50 === 0) consuming.ack(message, true)
        taken()
      })
      return () => consuming.close()
    },
    close: () => model.close(),
  }
}

export async function startRabbitmqClient(server: RabbitServer, queue: string): Promise<RabbitPeer> {
  const connection = new Connection(server.url())
  connection.on('error', () => {})
  await connection.onConnect()
  const publisher = connection.createPublisher({ confirm: true })
  return {
    publish: index => publisher.send({ routingKey: queue, messageId: String(index) }, message),
    publishBytes: index => publisher.send({ routingKey: queue, messageId: String(index) }, content),
    async consume(prefetch, taken) {
      const consumer = connection.createConsumer({ queue, queueOptions: { passive: true }, qos: { prefetchCount: prefetch } }, async () => taken())
      consumer.on('error', () => {})
      return () => consumer.close()
    },
    async close() {
      await publisher.close()
      await connection.close()
    },
  }
}

export async function startConnectionManager(server: RabbitServer, queue: string): Promise<RabbitPeer> {
  const connection = connectManaged([server.url()])
  const channel = connection.createChannel()
  const json = connection.createChannel({ json: true })
  await Promise.all([channel.waitForConnect(), json.waitForConnect()])
  return {
    publish: index => json.sendToQueue(queue, message, { messageId: String(index) }),
    publishBytes: index => channel.sendToQueue(queue, content, { messageId: String(index) }),
    async consume(prefetch, taken) {
      const { consumerTag } = await channel.consume(queue, (message) => {
        channel.ack(message)
        taken()
      }, { prefetch })
      return () => channel.cancel(consumerTag)
    },
    close: () => connection.close(),
  }
}
