import type { Duration } from '../core/duration'
import type { ConsumeOptions, MessageHandler } from './consume/types'
import type { PublishOptions } from './compose-message'
import { defineService } from '../core/service'

/** The messaging client that `useRabbit()` returns. */
export interface RabbitClient {
  /**
   * Waits for a connection. Calling it is optional: the module connects by itself and reconnects as long as the server runs.
   *
   * @param options `timeout`: maximum wait, `'5s'` by default; a plain number is seconds
   * @returns `true` when the broker is connected, `false` when it is not connected before the timeout
   */
  connect: (options?: { timeout?: Duration }) => Promise<boolean>
  /**
   * Publishes a message to a topic exchange and declares the exchange if it does not exist. Resolves only after the broker has stored the
   * message. With `tx`, it resolves when the message is written to the outbox.
   *
   * @throws PublishError whose `code` says whether the message was stored
   * @throws TypeError when the message cannot be written as JSON, or an option is invalid
   * @example
   * ```ts
   * await useRabbit().publish('notifications', 'order.created', { orderId })
   * ```
   */
  publish: (exchange: string, routingKey: string, message: unknown, options?: PublishOptions) => Promise<void>
  /**
   * Consumes a queue. Call it when the server starts, in every instance. Instances with the role `web` declare the queue but do not
   * consume it. If the broker is down, it resolves immediately, and messages arrive after the broker is available again.
   *
   * @throws Error when the queue already has a consumer in this process, or an option is invalid
   */
  subscribe: <Message = unknown>(
    exchange: string,
    queue: string,
    routingKey: string | readonly string[],
    handler: MessageHandler<Message>,
    options?: ConsumeOptions,
  ) => Promise<RabbitSubscription>
  /**
   * Stops all consumers, waits for their handlers and for pending confirms, and closes the connections, all within
   * `scale.rabbitmq.drainTimeout`. The server calls it when it shuts down.
   */
  close: () => Promise<void>
}

/** A running consumer that was started by `subscribe()`. */
interface RabbitSubscription {
  /** Stops the consumer and waits for its running handlers. */
  cancel: () => Promise<void>
}

/** The messages of this process. */
export const rabbitService = defineService<RabbitClient>('RabbitMQ was used before the server started: call useRabbit() in a handler, or '
  + 'in a plugin of your own, not at the top of a file.')
