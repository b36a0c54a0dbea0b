import { defineService } from '../core/service'
import type { Broker } from './broker'
import type { InboxEntry } from './inbox/apply-once'
import type { OutgoingMessage } from './message'
import type { SqlTransaction } from './sql-client'

/** The outbox and the inbox of this process. It exists only if `scale.rabbitmq.outbox` is set. */
export interface MessageTransactions {
  /** Writes a message to the outbox within the caller's transaction. @throws TypeError when `transaction` is not a Prisma transaction */
  write: (transaction: unknown, message: OutgoingMessage) => Promise<void>
  /** Runs an effect in a transaction of `database` that also records the message. @returns `false` if it was already applied before */
  applyOnce: (entry: InboxEntry & { database: string }, effect: (transaction: SqlTransaction) => Promise<unknown>) => Promise<boolean>
  /** Starts publishing the messages of the outboxes. */
  start: (broker: Broker) => void
  /** Stops publishing and waits up to `timeout` ms for the running round. */
  stop: (timeout: number) => Promise<void>
}

/** The outbox and the inbox of this process, where `scale.rabbitmq.outbox` is on. */
export const messageTransactionsService = defineService<MessageTransactions>('scale.rabbitmq.outbox is off.')
