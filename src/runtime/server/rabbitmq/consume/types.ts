import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Duration } from '../../cache/types'
import type { ScaleTransaction } from '../../database/types'
import type { MessageProperties } from '../message'

/** What a handler is given besides the message. */
export interface MessageContext {
  /** Aborted when the handler has run for too long, or the server must stop. */
  signal: AbortSignal
  /** 1 on the first attempt. */
  attempt: number
  /** Where the message was published, also after retries and replays. */
  exchange: string
  routingKey: string
  queue: string
  properties: MessageProperties
  /** Whether the broker has delivered it before: an earlier run may have done part of its work. */
  redelivered: boolean
}

/** What the handler of a consumer with `dedupe` is given. */
export interface InboxContext extends MessageContext {
  /** The transaction that notes the message: what is written through it happens once. */
  tx: ScaleTransaction
}

export type MessageHandler<Message, Context = MessageContext> = (message: Message, context: Context) => unknown

/** How a consumer works. What is left out is as in `scale.rabbitmq`. */
export interface ConsumeOptions {
  /** Most handlers that run at a time. 1 keeps the order, until something fails. */
  concurrency?: number
  /** Most messages that are held without being settled. At least `concurrency`. */
  prefetch?: number
  /** Longest run of the handler. */
  timeout?: Duration
  /**
   * Applies each message once, whatever its copies: the handler runs in a transaction (`tx`) that notes the message in `scale_inbox`. `true` is the default database,
   * `'tenant'` that of the message's tenant, another text a name that `usePrisma()` knows. It needs `scale.rabbitmq.outbox`.
   */
  dedupe?: boolean | string
  /** Pauses before each further attempt; `false` for a single attempt. */
  retry?: false | { delays: readonly Duration[] }
}

/** Where the messages of a consumer come from. */
export interface ConsumerSource {
  /** The topic exchange that they are published to. */
  exchange: string
  /** The queue that is this consumer's alone. Its instances share the work. */
  queue: string
  /** One or more patterns: `*` stands for a word between points, `#` for any number of them. */
  routingKey: string | readonly string[]
}

/** A consumer of `server/consumers/**`. */
export interface RabbitConsumer extends ConsumerSource, ConsumeOptions {
  schema?: StandardSchemaV1
  handler: MessageHandler<never, never>
}
