import type { Duration } from '../cache/types'
import type { ConsumeOptions, MessageHandler } from './consume/types'
import type { PublishOptions } from './publish/types'

/** What `useRabbit()` gives. */
export interface RabbitClient {
  /**
   * Waits for a connection. Without calling it, one is sought all the same, from the start of the server to its end.
   *
   * @param options `timeout`: how long, at most; default '5s'
   * @returns whether there is one now; never throws because the broker is down
   */
  connect: (options?: { timeout?: Duration }) => Promise<boolean>
  /**
   * Publishes a message to a topic exchange, which is declared where it is missing. Resolves when the broker has stored it, and only then.
   *
   * @throws PublishError whose `code` says whether it was stored; TypeError when the message is no JSON
   * @example
   * ```ts
   * await useRabbit().publish('notifications', 'order.created', { orderId })
   * ```
   */
  publish: (exchange: string, routingKey: string, message: unknown, options?: PublishOptions) => Promise<void>
  /**
   * Takes the messages of a queue. Call it when the server starts, in every instance; those in the role `web` declare the queue and take nothing.
   * Resolves at once when the broker is down; messages come when it is back.
   *
   * @throws Error when the queue has a consumer in this process already, or an option is wrong
   */
  subscribe: <Message = unknown>(exchange: string, queue: string, routingKey: string | readonly string[], handler: MessageHandler<Message>, options?: ConsumeOptions) => Promise<RabbitSubscription>
  /** Stops all consumers, waits for their handlers and for the confirms, and closes, all within `scale.rabbitmq.drainTimeout`. The server does it when it closes. */
  close: () => Promise<void>
}

/** A consumer that can be stopped. */
export interface RabbitSubscription {
  /** Takes no more messages, and waits for the handlers that run. */
  cancel: () => Promise<void>
}
