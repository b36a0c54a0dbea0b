import type { Channel, ChannelModel } from 'amqplib'
import { withDeadline } from '../../deadline'
import { closeChannel, openChannel } from './channel'

/** A channel for questions and declarations: one at a time, so that what goes wrong with one hurts no other. */
export interface AdminChannel {
  /** @throws what the broker answered, or that it did not */
  run: <Result>(operation: (channel: Channel) => Promise<Result>) => Promise<Result>
}

/** @param timeout milliseconds that each operation may take */
export function createAdminChannel(model: ChannelModel, timeout: number): AdminChannel {
  let channel: Channel | undefined
  let last: Promise<unknown> = Promise.resolve()

  async function perform<Result>(operation: (channel: Channel) => Promise<Result>): Promise<Result> {
    const used = channel ??= await openChannel(model, { timeout, onClosed: () => channel = undefined })
    try {
      return await withDeadline(operation(used), timeout, () => new Error(`RabbitMQ did not answer within ${timeout} ms`))
    }
    catch (error) {
      // The broker closes a channel on which it refuses something, and one that does not answer is of no use.
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
