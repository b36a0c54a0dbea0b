import type { Delivery } from '../message'
import { withDeadline } from '../../core/deadline'
import type { AdminChannel } from './channel'
import { openChannel } from './channel'
import type { OpenConnection } from './supervised-connection'
import type { Fault } from '../fault'
import { REPLY, faultOf, isPassing } from '../fault'
import type { DeliveryChannel } from './delivery-channel'
import { createDeliveryChannel } from './delivery-channel'

/** Queue operations for the command line, on one connection. */
export interface QueueInspector {
  get: (queue: string) => Promise<Delivery | undefined>
  count: (queue: string) => Promise<number | undefined>
  purge: (queue: string) => Promise<number>
  /** Sends pending acknowledgements and returns unsettled messages to their queues, within `timeout` ms. */
  end: (timeout: number) => Promise<void>
}

/**
 * Creates an inspector.
 *
 * @param timeout maximum milliseconds until the broker answers
 */
export function createQueueInspector(connection: OpenConnection, timeout: number): QueueInspector {
  /** Channel of the messages that `get` has taken. Queries use another channel, which the broker closes when a query fails. */
  let takenOn: Promise<DeliveryChannel> | undefined
  /** Settles when the last `get` is done: they run one at a time. */
  let taking: Promise<unknown> = Promise.resolve()

  const count = (queue: string) => ifThere(connection.admin, async channel => (await channel.checkQueue(queue)).messageCount)

  async function openDeliveryChannel(): Promise<DeliveryChannel> {
    return createDeliveryChannel(await openChannel(connection.model, { timeout, onClosed: () => takenOn = undefined }))
  }

  async function take(queue: string): Promise<Delivery | undefined> {
    // Check first: `get` on a queue that does not exist would close the channel and requeue every message that was taken on it.
    if (await count(queue) === undefined) return undefined
    takenOn ??= openDeliveryChannel()
    takenOn.catch(() => takenOn = undefined)
    const { channel, deliver } = await takenOn
    const message = await withDeadline(channel.get(queue), timeout, () => new Error(`RabbitMQ did not answer within ${timeout} ms`))
    return message ? deliver(queue, message) : undefined
  }

  return {
    count,
    async end(within) {
      const opened = await takenOn?.catch(() => undefined)
      await opened?.close(within)
    },
    async get(queue) {
      const taken = taking.then(() => take(queue))
      taking = taken.catch(() => {})
      return taken
    },
    purge: async queue => await ifThere(connection.admin, async channel => (await channel.purgeQueue(queue)).messageCount) ?? 0,
  }
}

async function ifThere<Result>(admin: AdminChannel, question: Parameters<typeof admin.run<Result>>[0]): Promise<Result | undefined> {
  try {
    return await admin.run(question)
  }
  catch (error) {
    const fault: Fault = faultOf(error)
    if (fault.code === REPLY.NOT_FOUND && !isPassing(fault)) return undefined
    throw new Error(`A queue could not be queried on RabbitMQ: ${fault.text}.`, { cause: error })
  }
}
