import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ConsumeOptions, ConsumerSource, InboxContext, MessageHandler, RabbitConsumer } from './consume/types'
import { currentRabbit } from './current'
import type { RabbitClient } from './client'

export { RejectMessage, RetryMessage } from './consume/control'

/**
 * Messages: `publish`, `subscribe`, `connect` and `close`, on RabbitMQ where its URL is set, else inside this process.
 *
 * @throws Error before the server has started
 * @example
 * ```ts
 * await useRabbit().publish('notifications', 'order.created', { orderId: order.id })
 * ```
 */
export function useRabbit(): RabbitClient {
  const rabbit = currentRabbit()
  if (!rabbit) throw new Error('useRabbit() was called before the server started: call it in a handler, or in a plugin of your own, not at the top of a file.')
  return rabbit
}

/** With `dedupe` the handler is given a transaction. */
type Handled<Message>
  = | ConsumeOptions & { dedupe: true | string, handler: MessageHandler<Message, InboxContext> }
    | ConsumeOptions & { dedupe?: false, handler: MessageHandler<Message> }

/**
 * A consumer, as the default export of a file in `server/consumers/`. With a schema the handler gets what the schema makes, and messages
 * that it refuses become dead letters at once.
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
