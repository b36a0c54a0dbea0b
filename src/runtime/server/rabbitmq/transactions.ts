import type { Broker } from './broker'
import type { InboxEntry } from './inbox/apply-once'
import type { OutgoingMessage } from './message'
import type { SqlTransaction } from './sql-client'

/** What the outbox and the inbox do for the feature, where `scale.rabbitmq.outbox` is on. */
export interface MessageTransactions {
  /** Keeps a message in a transaction of the caller. @throws TypeError for what is no transaction */
  write: (transaction: unknown, message: OutgoingMessage) => Promise<void>
  /** Runs an effect in a transaction of `database` that also notes the message. @returns whether it was applied now */
  applyOnce: (entry: InboxEntry & { database: string }, effect: (transaction: SqlTransaction) => Promise<unknown>) => Promise<boolean>
  /** Begins to publish what transactions have left. */
  start: (broker: Broker) => void
  /** Publishes no more; waits up to `timeout` ms for what is under way. */
  stop: (timeout: number) => Promise<void>
}

let current: MessageTransactions | undefined

export function currentMessageTransactions(): MessageTransactions | undefined {
  return current
}

export function setMessageTransactions(transactions: MessageTransactions | undefined): void {
  current = transactions
}
