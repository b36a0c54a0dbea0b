import type { Duration } from '../../core/duration'
import type { HeaderValue } from '../message'
import type { SqlTransaction } from '../sql-client'

/** Options of `publish()`. */
export interface PublishOptions {
  /**
   * Id of the message, at most 255 bytes. Use the same id when you publish a message again, so consumers can detect duplicates.
   * @default a random UUID
   */
  messageId?: string
  /**
   * Kind of message, at most 255 bytes.
   * @default the routing key
   */
  type?: string
  /** Id that relates a reply to its request, at most 255 bytes. */
  correlationId?: string
  /** Queue or address for the reply, at most 255 bytes. */
  replyTo?: string
  /** Your own headers. Names that begin with `scale-` are reserved for nuxt-scale. */
  headers?: Readonly<Record<string, HeaderValue>>
  /**
   * Maximum wait until the broker confirms the message. A plain number is seconds.
   * @default scale.rabbitmq.publishTimeout
   */
  timeout?: Duration
  /**
   * Behaviour when no queue is bound for the message: `error` rejects with `UNROUTABLE`, `ignore` drops the message.
   * @default 'error'
   */
  unroutable?: 'error' | 'ignore'
  /**
   * Prisma transaction. The message is written to `scale_outbox` within it, and published only if the transaction commits.
   * This option needs `scale.rabbitmq.outbox`.
   */
  tx?: SqlTransaction
}
