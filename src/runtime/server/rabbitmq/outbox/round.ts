import type { Broker } from '../broker'
import { PublishError } from '../errors'
import type { SqlClient } from '../sql-client'
import type { OutboxFailure, OutboxRow } from './rows'
import { deleteRows, lockDue, postpone } from './rows'

/** Pause in ms before a message that the broker refused is tried again: doubled each time, up to the second one. */
const FIRST_PAUSE = 1000
const LONGEST_PAUSE = 5 * 60_000
/** Time in ms that the queries of a round may take beside its publishes. */
const QUERY_TIME = 5000

export interface RoundOptions {
  /** Most messages of one round. */
  batch: number
  /** Milliseconds that one publish may take. */
  publishTimeout: number
}

/** What a round did. */
export interface Round {
  /** Messages that were there to publish. */
  found: number
  published: number
  /** Messages that the broker will not take as they are, such as those without a queue. */
  refused: readonly { row: OutboxRow, error: PublishError }[]
}

/**
 * Publishes what is due in one outbox, side by side, and takes out what the broker has confirmed, in one transaction.
 * Several relays may do so at once: each row is held by one of them. A process that dies in between publishes a message twice, with one id.
 *
 * @throws what the database throws. A broker that cannot be reached is no error: the rows stay as they are
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

/** The broker's word about this message, rather than about the connection. */
function isRefusal(error: unknown): error is PublishError {
  return error instanceof PublishError && (error.code === 'UNROUTABLE' || error.code === 'EXCHANGE' || error.code === 'REFUSED')
}

function failureOf({ id, attempts }: OutboxRow, error: PublishError): OutboxFailure {
  return { id, reason: error.message, delay: Math.min(FIRST_PAUSE * 2 ** Math.min(attempts, 20), LONGEST_PAUSE) }
}
