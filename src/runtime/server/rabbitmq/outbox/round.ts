import { exponentialDelay } from '../../core/backoff'
import type { Broker } from '../broker'
import { PublishError } from '../publish-error'
import type { SqlClient } from '../sql-client'
import type { OutboxFailure, OutboxRow } from './rows'
import { deleteRows, lockDue, postpone } from './rows'

/** Pauses before a refused message is retried. */
const PAUSES = { first: 1000, longest: 5 * 60_000 }
/** Maximum milliseconds of the queries of a round, in addition to its publishes. */
const QUERY_TIME = 5000

export interface RoundOptions {
  /** Maximum number of messages per round. */
  batch: number
  /** Maximum milliseconds of one publish. */
  publishTimeout: number
}

/** Result of a round. */
export interface Round {
  /** Number of messages that were due. */
  found: number
  published: number
  /** Messages that the broker refused, for example because no queue is bound for them. */
  refused: readonly { row: OutboxRow, error: PublishError }[]
}

/**
 * Publishes the due messages of one outbox in parallel and deletes those that the broker has confirmed, all in one transaction.
 * Several relays may run at the same time, because each row is locked by one of them. If a process crashes between confirm and
 * commit, the message is published again with the same id.
 *
 * @throws the error of the database. If the broker is unavailable, it does not throw and leaves the rows unchanged
 */
export function relayRound(client: SqlClient, broker: Pick<Broker, 'publish'>, { batch, publishTimeout }: RoundOptions): Promise<Round> {
  return client.$transaction(async (transaction) => {
    const rows = await lockDue(transaction, batch)
    const outcomes = await Promise.allSettled(rows.map(({ message }) => broker.publish(message, publishTimeout)))
    const published: string[] = []
    const refused: Round['refused'][number][] = []
    for (const [index, outcome] of outcomes.entries()) {
      const row = rows[index]!
      if (outcome.status === 'fulfilled') published.push(row.id)
      else if (isRefusal(outcome.reason)) refused.push({ row, error: outcome.reason })
    }
    await deleteRows(transaction, published)
    for (const { row, error } of refused) await postpone(transaction, failureOf(row, error))
    return { found: rows.length, published: published.length, refused }
  }, { maxWait: QUERY_TIME, timeout: publishTimeout + QUERY_TIME })
}

/** Whether the broker refused this message, in contrast to a problem with the connection. */
function isRefusal(error: unknown): error is PublishError {
  return error instanceof PublishError && (error.code === 'UNROUTABLE' || error.code === 'EXCHANGE' || error.code === 'REFUSED')
}

function failureOf({ id, attempts }: OutboxRow, error: PublishError): OutboxFailure {
  return { id, reason: error.message, delay: exponentialDelay(attempts, PAUSES) }
}
