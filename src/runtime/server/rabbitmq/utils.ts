import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ConsumeOptions, ConsumerSource, InboxContext, MessageHandler, RabbitConsumer } from './consume/types'
import { rabbitService } from './client'
import type { RabbitClient } from './client'

export { RejectMessage, RetryMessage } from './consume/control'

/**
 * Returns the messaging client: `publish`, `subscribe`, `connect` and `close`. It uses RabbitMQ if a URL is set, else an in-memory
 * broker.
 *
 * @throws Error if the server has not started yet
 * @example
 * ```ts
 * await useRabbit().publish('notifications', 'order.created', { orderId: order.id })
 * ```
 */
export function useRabbit(): RabbitClient {
  const rabbit = rabbitService.find()
  if (!rabbit) {
    throw new Error('useRabbit() was called before the server started: '
      + 'call it inside a handler or a server plugin, not at the top level of a file.')
  }
  return rabbit
}

/** With `dedupe`, the context of the handler contains a transaction. */
type Handled<Message>
  = | ConsumeOptions & { dedupe: true | string, handler: MessageHandler<Message, InboxContext> }
    | ConsumeOptions & { dedupe?: false, handler: MessageHandler<Message> }

/**
 * Defines a consumer. Export it as the default export of a file in `server/consumers/`. With a `schema`, the handler gets the
 * output of the schema, and invalid messages go to the dead-letter queue without a retry.
 *
 * @example
 * ```ts
 * export default defineRabbitConsumer({
 *   exchange: 'notifications',
 *   queue: 'email.order-notifications',
 *   routingKey: 'order.created',
 *   schema: z.object({ orderId: z.string() }),
 *   async handler({ orderId }, { signal }) { … },
 * })
 * ```
 */
export function defineRabbitConsumer<Schema extends StandardSchemaV1>(
  consumer: ConsumerSource & { schema: Schema } & Handled<StandardSchemaV1.InferOutput<Schema>>,
): RabbitConsumer
export function defineRabbitConsumer<Message = unknown>(
  consumer: ConsumerSource & { schema?: undefined } & Handled<Message>,
): RabbitConsumer
export function defineRabbitConsumer(consumer: RabbitConsumer): RabbitConsumer {
  return consumer
}
