import type { Channel, ChannelModel } from 'amqplib'
import { withDeadline } from '../../core/deadline'
import { closeChannel, openChannel } from './channel'

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
