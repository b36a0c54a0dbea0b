import type { MessageProperties, OutgoingMessage } from '../message'
import type { SqlTransaction } from '../sql-client'

/** A message of the outbox, locked by the transaction that read it. */
export interface OutboxRow {
  id: string
  attempts: number
  message: OutgoingMessage
}

/** Why a row could not be published, and when to try again. */
export interface OutboxFailure {
  id: string
  reason: string
  /** Milliseconds from now. */
  delay: number
}

/** Keeps a message in the transaction of the caller: it exists when the transaction commits, and only then. */
export async function insertMessage(transaction: SqlTransaction, { exchange, routingKey, content, properties, mandatory }: OutgoingMessage): Promise<void> {
  await transaction.$executeRawUnsafe(
    'insert into scale_outbox (message_id, exchange, routing_key, content, properties, mandatory) values ($1, $2, $3, $4, cast($5 as jsonb), $6)',
    properties.messageId, exchange, routingKey, content.toString(), JSON.stringify(properties), mandatory,
  )
}

/** The oldest messages that are due and that no other relay holds; the transaction holds them from here on. */
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

/** Takes published messages out. */
export async function deleteRows(transaction: SqlTransaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await transaction.$executeRawUnsafe('delete from scale_outbox where id = any(cast(string_to_array($1, \',\') as bigint[]))', ids.join(','))
}

/** Leaves a message for later. */
export async function postpone(transaction: SqlTransaction, { id, reason, delay }: OutboxFailure): Promise<void> {
  await transaction.$executeRawUnsafe(
    'update scale_outbox set attempts = attempts + 1, last_error = $2, next_attempt_at = now() + cast($3 as float8) * interval \'1 millisecond\' where id = cast($1 as bigint)',
    id, reason.slice(0, 500), delay,
  )
}
