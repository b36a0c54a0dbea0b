import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib'
import { withDeadline } from '../../deadline'
import type { Fault } from './faults'
import { faultOf } from './faults'

/** What a channel is opened with. */
export interface ChannelOptions {
  /** Milliseconds that the broker has to answer. */
  timeout: number
  /** The channel is gone: the broker closed it, or its connection is lost. Called once, and not after {@link closeChannel}. */
  onClosed: (fault: Fault) => void
}

const closedByUs = new WeakSet<Channel>()

/** Opens a channel whose errors hurt nobody else: without a listener, amqplib closes the connection over them. */
export async function openChannel(model: ChannelModel, options: ChannelOptions): Promise<Channel> {
  return withTimeout(model.createChannel().then(channel => watch(channel, options)), options)
}

/** Opens a channel on which the broker confirms what it has stored. */
export async function openConfirmChannel(model: ChannelModel, options: ChannelOptions): Promise<ConfirmChannel> {
  return withTimeout(model.createConfirmChannel().then(channel => watch(channel, options)), options)
}

/** Closes a channel within `timeout` ms. Never fails. */
export async function closeChannel(channel: Channel, timeout: number): Promise<void> {
  closedByUs.add(channel)
  // On a connection that is gone it throws at once.
  await withDeadline((async () => channel.close())(), timeout, () => new Error('no answer')).catch(() => {})
}

function watch<Opened extends Channel>(channel: Opened, { onClosed }: ChannelOptions): Opened {
  let fault: Fault | undefined
  channel.on('error', error => fault = faultOf(error))
  channel.once('close', () => {
    if (!closedByUs.has(channel)) onClosed(fault ?? { text: 'the channel was closed' })
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
