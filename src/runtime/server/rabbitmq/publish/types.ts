import type { Duration } from '../../cache/types'
import type { HeaderValue } from '../message'
import type { SqlTransaction } from '../sql-client'

/** What can be said about a message. */
export interface PublishOptions {
  /**
   * The same for every copy of one message, by which consumers can tell a second one.
   * @default a random UUID
   */
  messageId?: string
  /**
   * What kind of message it is.
   * @default its routing key
   */
  type?: string
  correlationId?: string
  replyTo?: string
  /** Your own headers. Names that begin with `scale-` belong to the module. */
  headers?: Readonly<Record<string, HeaderValue>>
  /**
   * Longest wait for the confirm.
   * @default scale.rabbitmq.publishTimeout
   */
  timeout?: Duration
  /**
   * Whether it is an error when no queue takes the message. `ignore` drops it.
   * @default 'error'
   */
  unroutable?: 'error' | 'ignore'
  /**
   * A transaction of Prisma: the message is kept in `scale_outbox` and published when the transaction has committed, or never. It needs `scale.rabbitmq.outbox`.
   */
  tx?: SqlTransaction
}
