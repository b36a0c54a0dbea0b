import { Writable } from 'node:stream'
import type { ConfirmChannel } from 'amqplib'
import type { Topology } from '../topology'
import { openConfirmChannel } from './channel'
import type { OpenConnection } from './supervised-connection'
import type { Declarer } from './declarer'
import type { Fault } from '../fault'
import { faultOf } from '../fault'
import { createFrameWriter } from './frame-port'
import type { FrameTarget } from './frame-port'
import type { Publisher } from './publisher'

/** Options of {@link publishOn}. */
export interface PublishingOptions {
  publisher: Publisher
  declarer: Declarer
  /** Returns the declared topology, which contains the types of the exchanges. */
  topology: () => Topology
  appId: string | undefined
  /** Maximum milliseconds until the broker answers. */
  timeout: number
}

/**
 * Opens a confirm channel for a publisher on a new connection, and opens another one whenever the channel is closed but the
 * connection is not.
 */
export async function publishOn(connection: OpenConnection, options: PublishingOptions): Promise<void> {
  const { publisher, timeout } = options

  function closed(fault: Fault): void {
    const underway = publisher.lost(connection.fault ?? fault)
    // Wait one microtask: if the whole connection is lost, its `fault` is set after the channels were closed.
    queueMicrotask(() => reopen(underway, fault))
  }

  function reopen(underway: number, fault: Fault): void {
    if (connection.fault) return
    // If messages were unconfirmed, the publisher finds and rejects the one that caused it. Without any, a new channel would be
    // closed again immediately, so replace the connection.
    if (underway === 0) connection.abandon(fault.text)
    else void publishOn(connection, options)
  }

  try {
    const channel = await openConfirmChannel(connection.model, { timeout, onClosed: closed })
    if (connection.fault) return
    // amqplib's own listeners match confirms with messages that amqplib has sent. Here the frame writer sends them.
    channel.removeAllListeners('ack').removeAllListeners('nack')
    channel.on('ack', ({ deliveryTag, multiple }) => publisher.confirmed(deliveryTag, multiple, true))
    channel.on('nack', ({ deliveryTag, multiple }) => publisher.confirmed(deliveryTag, multiple, false))
    channel.on('return', ({ fields, properties }) => {
      const { exchange, routingKey } = fields as unknown as { exchange: string, routingKey: string }
      publisher.returned({ messageId: properties.messageId, exchange, routingKey })
    })
    publisher.open({
      send: createFrameWriter({ ...partsOf(channel), appId: options.appId }),
      check: name => checkExchange(connection, name, options),
      abandon: connection.abandon,
    })
  }
  catch (error) {
    connection.abandon(faultOf(error).text)
  }
}

/** Declares the exchange of a message on the admin channel, because a refused declaration closes its channel. */
async function checkExchange(
  connection: OpenConnection,
  name: string,
  { declarer, topology }: PublishingOptions,
): Promise<Fault | undefined> {
  const { type } = topology().exchanges.find(exchange => exchange.name === name) ?? { type: 'topic' }
  return declarer.declareExchange(connection, { name, type }).catch(faultOf)
}

/** Reads the parts of an amqplib 2 channel that its types do not include. */
function partsOf(channel: ConfirmChannel): Omit<FrameTarget, 'appId'> {
  const { ch, connection } = channel as unknown as { ch?: unknown, connection?: { stream?: unknown, frameMax?: unknown } }
  const { stream, frameMax } = connection ?? {}
  if (!(stream instanceof Writable) || typeof ch !== 'number' || typeof frameMax !== 'number') {
    throw new TypeError('this version of amqplib does not expose its socket and channel number: install amqplib 2.3')
  }
  return { stream, channel: ch, frameMax }
}
