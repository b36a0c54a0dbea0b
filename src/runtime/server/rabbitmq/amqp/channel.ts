import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib'
import { withDeadline } from '../../core/deadline'
import type { Fault } from '../fault'
import { faultOf } from '../fault'

/** Options for opening a channel. */
export interface ChannelOptions {
  /** Maximum milliseconds until the broker answers. */
  timeout: number
  /** Called once when the broker has closed the channel or its connection is lost, but not after {@link closeChannel}. */
  onClosed: (fault: Fault) => void
}

/** Channels that this process has closed itself. */
const closedHere = new WeakSet<Channel>()

/** Opens a channel with an error listener. Without one, amqplib would close the whole connection after an error of the channel. */
export async function openChannel(model: ChannelModel, options: ChannelOptions): Promise<Channel> {
  return withTimeout(model.createChannel().then(channel => watchChannel(channel, options)), options)
}

/** Opens a channel with publisher confirms: the broker confirms each message that it has stored. */
export async function openConfirmChannel(model: ChannelModel, options: ChannelOptions): Promise<ConfirmChannel> {
  return withTimeout(model.createConfirmChannel().then(channel => watchChannel(channel, options)), options)
}

/** Closes a channel within `timeout` ms. Never fails. */
export async function closeChannel(channel: Channel, timeout: number): Promise<void> {
  closedHere.add(channel)
  // The async function turns a synchronous throw, which a lost connection causes, into a rejection.
  await withDeadline((async () => channel.close())(), timeout, () => new Error('no answer')).catch(() => {})
}

function watchChannel<Opened extends Channel>(channel: Opened, { onClosed }: ChannelOptions): Opened {
  let fault: Fault | undefined
  channel.on('error', error => fault = faultOf(error))
  channel.once('close', () => {
    if (!closedHere.has(channel)) onClosed(fault ?? { text: 'the channel was closed' })
  })
  return channel
}

async function withTimeout<Opened extends Channel>(opening: Promise<Opened>, { timeout }: ChannelOptions): Promise<Opened> {
  let late = false
  opening.then((channel) => {
    if (late) void closeChannel(channel, timeout)
  }, () => {})
  return withDeadline(opening, timeout, () => {
    late = true
    return new Error(`no channel was opened within ${timeout} ms`)
  })
}

/** A channel for declarations and queries. It runs one operation at a time, so a failing operation does not affect others. */
export interface AdminChannel {
  /** Runs an operation. @throws the error of the broker, or an error if it does not answer before the timeout */
  run: <Result>(operation: (channel: Channel) => Promise<Result>) => Promise<Result>
}

/**
 * Creates an admin channel. The AMQP channel is opened when it is first used, and again after a failed operation.
 *
 * @param timeout maximum milliseconds of each operation
 */
export function createAdminChannel(model: ChannelModel, timeout: number): AdminChannel {
  let channel: Channel | undefined
  let last: Promise<unknown> = Promise.resolve()

  async function perform<Result>(operation: (channel: Channel) => Promise<Result>): Promise<Result> {
    const used = channel ??= await openChannel(model, { timeout, onClosed: () => channel = undefined })
    try {
      return await withDeadline(operation(used), timeout, () => new Error(`RabbitMQ did not answer within ${timeout} ms`))
    }
    catch (error) {
      // The broker closes a channel after a refused operation, and a channel that does not answer cannot be used again.
      channel = undefined
      void closeChannel(used, timeout)
      throw error
    }
  }

  return {
    run(operation) {
      const result = last.then(() => perform(operation))
      last = result.catch(() => {})
      return result
    },
  }
}
