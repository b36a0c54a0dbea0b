import type { MessageProperties, OutgoingMessage } from '../message'
import type { SqlTransaction } from '../sql-client'

/** A message of the outbox. The transaction that read it holds a lock on its row. */
export interface OutboxRow {
  id: string
  attempts: number
  message: OutgoingMessage
}

/** Reason why a row could not be published, and the pause before its retry. */
export interface OutboxFailure {
  id: string
  reason: string
  /** Milliseconds from now. */
  delay: number
}

/** Writes a message to the outbox within the caller's transaction. */
export async function insertMessage(transaction: SqlTransaction, message: OutgoingMessage): Promise<void> {
  const { exchange, routingKey, content, properties, mandatory } = message
  await transaction.$executeRawUnsafe(
    `insert into scale_outbox (message_id, exchange, routing_key, content, properties, mandatory)
     values ($1, $2, $3, $4, cast($5 as jsonb), $6)`,
    properties.messageId, exchange, routingKey, content.toString(), JSON.stringify(properties), mandatory,
  )
}

/** Reads and locks the oldest due messages, except those that another relay has locked. */
export async function lockDue(transaction: SqlTransaction, limit: number): Promise<OutboxRow[]> {
  const rows = await transaction.$queryRawUnsafe(
    `select cast(id as text) as id, attempts, exchange, routing_key, content, cast(properties as text) as properties, mandatory
     from scale_outbox where next_attempt_at <= now() order by id limit ${limit} for update skip locked`,
  ) as { id: string, attempts: number, exchange: string, routing_key: string, content: string, properties: string, mandatory: boolean }[]
  return rows.map(row => ({
    id: row.id,
    attempts: row.attempts,
    message: {
      exchange: row.exchange,
      routingKey: row.routing_key,
      content: row.content,
      properties: JSON.parse(row.properties) as MessageProperties,
      mandatory: row.mandatory,
    },
  }))
}

/** Deletes published messages. */
export async function deleteRows(transaction: SqlTransaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await transaction.$executeRawUnsafe(
    'delete from scale_outbox where id = any(cast(string_to_array($1, \',\') as bigint[]))',
    ids.join(','),
  )
}

/** Records the failure of a message and schedules its retry. */
export async function postpone(transaction: SqlTransaction, { id, reason, delay }: OutboxFailure): Promise<void> {
  await transaction.$executeRawUnsafe(
    `update scale_outbox
     set attempts = attempts + 1, last_error = $2, next_attempt_at = now() + cast($3 as float8) * interval '1 millisecond'
     where id = cast($1 as bigint)`,
    id, reason.slice(0, 500), delay,
  )
}
