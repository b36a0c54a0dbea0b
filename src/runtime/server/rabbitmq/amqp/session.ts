import type { Channel, Message } from 'amqplib'
import type { Delivery } from '../message'
import { createAcknowledgements } from './acknowledgements'
import { closeChannel } from './channel'
import { deliveryCount, readProperties } from './properties'

/**
 * A channel that receives deliveries. A delivery can only be settled on its own channel, because on another channel its tag belongs
 * to another message.
 */
export interface Session {
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
 * Creates a session.
 *
 * @param onSettled is called when the last unsettled delivery was settled
 */
export function createSession(channel: Channel, onSettled: () => void = () => {}): Session {
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
      // From RabbitMQ 4.3, a `nack` does not count towards the delivery limit, but a rejection does.
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

/** Builds the part of a message that `channel.ack` reads: its tag. */
function withTag(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message
}
