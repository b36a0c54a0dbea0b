import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Duration } from '../../core/duration'
import type { ScaleTransaction } from '../../database/types'
import type { MessageProperties } from '../message'

/** The second argument of a handler. */
export interface MessageContext {
  /** Aborted when the handler exceeds its `timeout`, or when the shutdown of the server does not wait any longer. */
  signal: AbortSignal
  /** Number of this attempt, starting with 1. */
  attempt: number
  /** Exchange that the message was published to originally, also after retries and replays. */
  exchange: string
  /** Routing key that the message was published with originally, also after retries and replays. */
  routingKey: string
  queue: string
  properties: MessageProperties
  /** Whether the broker has delivered the message before. If so, an earlier run may have done part of the work. */
  redelivered: boolean
}

/** The second argument of a handler of a consumer with `dedupe`. */
export interface InboxContext extends MessageContext {
  /** The transaction that also records the message in the inbox. Writes through it are applied once per message. */
  tx: ScaleTransaction
}

/**
 * Handles a message. When it returns, the message is acknowledged; when it throws, the message is retried or goes to the
 * dead-letter queue. A message can be delivered more than once, so write handlers that may run again.
 */
export type MessageHandler<Message, Context = MessageContext> = (message: Message, context: Context) => unknown

/** Options of one consumer. The defaults are the options of `scale.rabbitmq`. Plain numbers of a duration are seconds. */
export interface ConsumeOptions {
  /**
   * Maximum number of handlers that run at the same time. With `1`, messages are handled in order until one of them fails.
   * @default scale.rabbitmq.concurrency, or `prefetch` if that is smaller
   */
  concurrency?: number
  /**
   * Maximum number of unacknowledged messages. It must be at least `concurrency`.
   * @default scale.rabbitmq.prefetch, or `concurrency` if that is larger
   */
  prefetch?: number
  /**
   * Maximum run time of the handler, at most 25 minutes.
   * @default scale.rabbitmq.timeout
   */
  timeout?: Duration
  /**
   * Applies each message once, even if several copies arrive. The handler runs in a transaction (`tx`) that also records the message in
   * `scale_inbox`. Set it to `true` for the default database, to `'tenant'` for the database of the message's tenant, or to a name that
   * `usePrisma()` accepts. This option needs `scale.rabbitmq.outbox`.
   * @default false
   */
  dedupe?: boolean | string
  /**
   * Pauses before each retry; `false` means a single attempt.
   * @default scale.rabbitmq.retry
   */
  retry?: false | { delays: readonly Duration[] }
}

/** Queue of a consumer and its binding. */
export interface ConsumerSource {
  /** Topic exchange that the messages are published to. */
  exchange: string
  /** Queue of this consumer. No other consumer may use it. All instances of the app share its messages. */
  queue: string
  /** One or more binding patterns. `*` matches one word between dots, `#` matches any number of words. */
  routingKey: string | readonly string[]
}

/** A consumer of a file in `server/consumers/`. */
export interface RabbitConsumer extends ConsumerSource, ConsumeOptions {
  /** A Standard Schema that validates each message, such as one of Zod, Valibot or ArkType. */
  schema?: StandardSchemaV1
  handler: MessageHandler<never, never>
}
