import type { Channel, Message } from 'amqplib'
import type { Delivery } from '../message'
import { createAcknowledgements } from './acknowledgements'
import { closeChannel } from './channel'
import { deliveryCount, readProperties } from './properties'

/** A channel that messages are delivered on. Its deliveries can be settled on it alone: on another channel their tags are those of other messages. */
export interface Session {
  readonly channel: Channel
  /** Deliveries that are not settled. */
  readonly unsettled: number
  /** Makes a delivery of a message of this channel. */
  deliver: (queue: string, message: Message) => Delivery
  /** What is settled from now on has no effect, as when the channel is lost. */
  end: () => void
  /**
   * Tells the broker what was settled, and closes the channel within `timeout` ms; what was not settled comes back. Do it before the connection is closed,
   * whose own farewell leaves at once and overtakes all that its channels have not sent yet.
   */
  close: (timeout: number) => Promise<void>
}

/** @param onSettled called when the last unsettled delivery was settled */
export function createSession(channel: Channel, onSettled: () => void = () => {}): Session {
  let alive = true
  channel.once('close', () => alive = false)
  let unsettled = 0
  const acknowledgements = createAcknowledgements(
    (tag, multiple) => channel.ack(withTag(tag), multiple),
    // What is handled in this turn of the event loop is told together.
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

    function settle(tell: () => void): void {
      if (!open) return
      open = false
      unsettled--
      if (!alive) return
      tell()
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
      ack: () => settle(() => acknowledgements.ack(tag)),
      reject: requeue => settle(() => {
        channel.reject(message, requeue)
        acknowledgements.settled(tag)
      }),
      // From RabbitMQ 4.3 this does not count towards the delivery limit, where a rejection does.
      release: () => settle(() => {
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

/** amqplib reads nothing of a message but its tag. */
function withTag(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message
}
