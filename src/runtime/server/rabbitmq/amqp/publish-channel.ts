import type { BrokerLog } from '../broker'
import type { Fault } from '../fault'
import { faultOf } from '../fault'
import type { BrokerTopology } from '../topology'
import { openConfirmChannel } from './channel'
import type { Declarer } from './declarer'
import { createFramePort, findInternals } from './frame-port'
import type { PublishPort, PublishPortOptions } from './publish-port'
import { createAmqplibPort } from './publish-port'
import type { Publisher } from './publisher'
import type { OpenConnection } from './supervised-connection'

/** Options of {@link openPublishChannel}. */
export interface PublishChannelOptions {
  publisher: Publisher
  declarer: Declarer
  /** Returns the declared topology, which contains the types of the exchanges. */
  topology: () => BrokerTopology
  appId: string | undefined
  createPort: (options: PublishPortOptions) => PublishPort
  /** Maximum milliseconds until the broker answers. */
  timeout: number
}

/**
 * Opens a confirm channel for a publisher on a new connection, and opens another one whenever the channel is closed but the
 * connection is not.
 */
export async function openPublishChannel(connection: OpenConnection, options: PublishChannelOptions): Promise<void> {
  const { publisher, createPort, appId, timeout } = options

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
    else void openPublishChannel(connection, options)
  }

  try {
    const channel = await openConfirmChannel(connection.model, { timeout, onClosed: closed })
    if (connection.fault) return
    channel.on('return', ({ fields, properties }) => {
      const { exchange, routingKey } = fields as unknown as { exchange: string, routingKey: string }
      publisher.returned({ messageId: properties.messageId, exchange, routingKey })
    })
    const { publish } = createPort({ channel, appId, confirmed: (tag, multiple, stored) => publisher.confirmed(tag, multiple, stored) })
    publisher.open({ publish, check: name => checkExchange(connection, name, options), abandon: connection.abandon })
  }
  catch (error) {
    connection.abandon(faultOf(error).text)
  }
}

/**
 * Returns a function that creates the port of each channel. With `frames` it is the frame port, unless amqplib lacks an internal
 * part that this port needs; then the log says so once, and amqplib's own `publish()` sends the messages.
 */
export function choosePort(frames: boolean, log: Pick<BrokerLog, 'info'>): (options: PublishPortOptions) => PublishPort {
  let isReported = false

  function report(missing: string): void {
    if (isReported) return
    isReported = true
    log.info(`The installed amqplib has no ${missing}, so its own publish() sends the messages, which takes more processor time. `
      + 'Install amqplib 2.3 to avoid this.')
  }

  return (options) => {
    if (!frames) return createAmqplibPort(options)
    const internals = findInternals(options.channel)
    if (!('missing' in internals)) return createFramePort(internals, options)
    report(internals.missing)
    return createAmqplibPort(options)
  }
}

/** Declares the exchange of a message on the admin channel, because a refused declaration closes its channel. */
async function checkExchange(
  connection: OpenConnection,
  name: string,
  { declarer, topology }: PublishChannelOptions,
): Promise<Fault | undefined> {
  const { type } = topology().exchanges.find(exchange => exchange.name === name) ?? { type: 'topic' }
  return declarer.declareExchange(connection, { name, type }).catch(faultOf)
}
