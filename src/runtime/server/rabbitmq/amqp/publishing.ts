import { Writable } from 'node:stream'
import type { ConfirmChannel } from 'amqplib'
import type { Topology } from '../topology'
import { openConfirmChannel } from './channel'
import type { OpenConnection } from './connection'
import type { Declarer } from './declarer'
import type { Fault } from './faults'
import { faultOf } from './faults'
import { createFrameWriter } from './frames'
import type { FrameTarget } from './frames'
import type { Publisher } from './publisher'

/** What publishing on a connection needs. */
export interface PublishingOptions {
  publisher: Publisher
  declarer: Declarer
  /** What is declared, which says the types of its exchanges. */
  topology: () => Topology
  appId: string | undefined
  /** Milliseconds that the broker has to answer. */
  timeout: number
}

/** Gives a publisher a confirm channel on a new connection, and another one whenever that is closed while the connection lives. */
export async function publishOn(connection: OpenConnection, options: PublishingOptions): Promise<void> {
  const { publisher, timeout } = options

  function closed(fault: Fault): void {
    const underway = publisher.lost(connection.fault ?? fault)
    // Where the whole connection is closed, it says so after its channels.
    queueMicrotask(() => reopen(underway, fault))
  }

  function reopen(underway: number, fault: Fault): void {
    if (connection.fault) return
    // A message that channels die of is found and dropped. A channel that dies of no message would do so again at once.
    if (underway === 0) connection.abandon(fault.text)
    else void publishOn(connection, options)
  }

  try {
    const channel = await openConfirmChannel(connection.model, { timeout, onClosed: closed })
    if (connection.fault) return
    // amqplib keeps count of what it has written itself, which is nothing here.
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

/** Declares an exchange that a message names, where it cannot harm the channel of the messages. */
async function checkExchange(connection: OpenConnection, name: string, { declarer, topology }: PublishingOptions): Promise<Fault | undefined> {
  const { type } = topology().exchanges.find(exchange => exchange.name === name) ?? { type: 'topic' }
  return declarer.declareExchange(connection, { name, type }).catch(faultOf)
}

/** What amqplib 2 has and does not name. */
function partsOf(channel: ConfirmChannel): Omit<FrameTarget, 'appId'> {
  const { ch, connection } = channel as unknown as { ch?: unknown, connection?: { stream?: unknown, frameMax?: unknown } }
  const { stream, frameMax } = connection ?? {}
  if (!(stream instanceof Writable) || typeof ch !== 'number' || typeof frameMax !== 'number') {
    throw new TypeError('amqplib shows neither its socket nor the number of its channel: install amqplib 2.3')
  }
  return { stream, channel: ch, frameMax }
}
