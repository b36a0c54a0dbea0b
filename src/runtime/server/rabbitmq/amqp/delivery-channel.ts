import type { Channel, Message, MessageProperties as AmqpProperties } from 'amqplib'
import type { Settlement } from '../measure-messages'
import { measureSettlement } from '../measure-messages'
import type { Delivery, HeaderValue, MessageProperties } from '../message'
import { closeChannel } from './channel'
import { randomUUID } from 'node:crypto'

/**
 * A channel that receives deliveries. A delivery can only be settled on its own channel, because on another channel its tag belongs
 * to another message.
 */
export interface DeliveryChannel {
  readonly channel: Channel
  /** Number of deliveries that are not settled. */
  readonly unsettled: number
  /** Creates a delivery for a message of this channel. */
  deliver: (queue: string, message: Message) => Delivery
  /** Ignores all settlements from now on, as after the loss of the channel. */
  end: () => void
  /**
   * Sends pending acknowledgements and closes the channel within `timeout` ms. Unsettled messages return to their queues. Call it
   * before closing the connection: its closing frame is sent immediately, ahead of frames that its channels have not sent yet.
   */
  close: (timeout: number) => Promise<void>
}

/**
 * Creates a delivery channel.
 *
 * @param onSettled is called when the last unsettled delivery was settled
 */
export function createDeliveryChannel(channel: Channel, onSettled: () => void = () => {}): DeliveryChannel {
  let alive = true
  channel.once('close', () => alive = false)
  let unsettled = 0
  const acknowledgements = createAcknowledgements(
    (tag, multiple) => channel.ack(withTag(tag), multiple),
    // Send the acknowledgements of one turn of the event loop together.
    () => setImmediate(flush),
  )

  function flush(): void {
    if (alive) acknowledgements.flush()
  }

  function deliver(queue: string, message: Message): Delivery {
    const { fields, properties, content } = message
    const tag = fields.deliveryTag
    let open = true
    unsettled++

    function settle(operation: Settlement, tell: () => void): void {
      if (!open) return
      open = false
      unsettled--
      if (!alive) return
      measureSettlement(queue, operation, tell)
      if (unsettled === 0) onSettled()
    }

    return {
      queue,
      exchange: fields.exchange,
      routingKey: fields.routingKey,
      content,
      properties: readProperties(properties),
      redelivered: fields.redelivered,
      deliveryCount: deliveryCount(properties),
      ack: () => settle('ack', () => acknowledgements.ack(tag)),
      reject: requeue => settle('reject', () => {
        channel.reject(message, requeue)
        acknowledgements.settled(tag)
      }),
      // From RabbitMQ 4.3, a `nack` does not count towards the delivery limit, but a rejection does.
      release: () => settle('nack', () => {
        channel.nack(message, false, true)
        acknowledgements.settled(tag)
      }),
    }
  }

  return {
    channel,
    get unsettled() {
      return unsettled
    },
    deliver,
    end() {
      alive = false
    },
    close(timeout) {
      flush()
      alive = false
      return closeChannel(channel, timeout)
    },
  }
}

/** Builds the part of a message that `channel.ack` reads: its tag. */
function withTag(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message
}

/** Batches the acknowledgements of one channel, so that few frames are sent. */
export interface Acknowledgements {
  /** Records that a delivery was handled. It is sent to the broker at the next {@link flush}. */
  ack: (tag: number) => void
  /** Records that a delivery was settled in another way, such as a rejection that was already sent to the broker. */
  settled: (tag: number) => void
  flush: () => void
}

/**
 * Creates the acknowledgements of a channel. `multiple` acknowledges a tag and all tags below it, so it is used only if all of them
 * are settled. Otherwise the broker would remove messages that are still being handled.
 *
 * @param send sends an acknowledgement of one tag, or with `multiple` of all tags up to it
 * @param wake is called when there is something to flush; it must call `flush` soon
 */
export function createAcknowledgements(send: (tag: number, multiple: boolean) => void, wake: () => void): Acknowledgements {
  /** The lowest tag that is not settled. */
  let low = 1
  /** Tags that are handled, but not sent to the broker yet. */
  const waiting = new Set<number>()
  /** Tags above `low` whose settlement was already sent to the broker. */
  const known = new Set<number>()

  function flushFront(): void {
    let last = 0
    let count = 0
    for (; ; low++) {
      if (waiting.delete(low)) {
        last = low
        count++
      }
      else if (!known.delete(low)) {
        break
      }
    }
    if (count > 0) send(last, count > 1)
  }

  return {
    ack(tag) {
      if (waiting.size === 0) wake()
      waiting.add(tag)
    },
    settled(tag) {
      known.add(tag)
      // Advance here too: `known` would grow without limit if every message is rejected and nothing is flushed.
      while (known.delete(low)) low++
    },
    flush() {
      if (waiting.size === 0) return
      flushFront()
      for (const tag of waiting) {
        send(tag, false)
        known.add(tag)
      }
      waiting.clear()
    },
  }
}

const NO_HEADERS: MessageProperties['headers'] = Object.freeze({})

/**
 * Reads the properties of a message. Other clients may send fewer of them: a message without an id gets a random one, different for
 * each delivery.
 */
export function readProperties(properties: AmqpProperties): MessageProperties {
  return {
    messageId: text(properties.messageId) ?? randomUUID(),
    type: text(properties.type),
    appId: text(properties.appId),
    timestamp: typeof properties.timestamp === 'number' ? properties.timestamp : 0,
    contentType: text(properties.contentType) ?? 'application/octet-stream',
    correlationId: text(properties.correlationId),
    replyTo: text(properties.replyTo),
    headers: readHeaders(properties.headers),
  }
}

/** Returns how often a message was returned to its queue; 0 if the queue does not count it. */
function deliveryCount({ headers }: AmqpProperties): number {
  const count: unknown = headers?.['x-delivery-count']
  return typeof count === 'number' ? count : 0
}

/** Reads the headers, without lists and tables, such as the `x-death` history of the broker. */
function readHeaders(headers: AmqpProperties['headers']): MessageProperties['headers'] {
  let read: Record<string, HeaderValue> | undefined
  for (const name in headers) {
    const value: unknown = headers[name]
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') (read ??= {})[name] = value
  }
  return read ?? NO_HEADERS
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
