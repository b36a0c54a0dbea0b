import type { SqlClient, SqlTransaction } from '../sql-client'

/** Identifies a message in the inbox. Each queue applies a message once. */
export interface InboxEntry {
  queue: string
  messageId: string
  /** Maximum milliseconds of the effect. */
  timeout: number
}

/** Maximum milliseconds that the transaction waits for a database connection. */
const CONNECTION_WAIT = 5000

/**
 * Runs an effect in a transaction that also records the message in the inbox, so that both are applied or neither.
 * If a copy arrives meanwhile, its insert waits in the database until the first transaction is finished.
 *
 * @returns `true` if the effect was applied, `false` if the message had already been applied before
 * @throws the error of the effect or of the database; then nothing was applied
 */
export function applyOnce(
  client: SqlClient,
  { queue, messageId, timeout }: InboxEntry,
  effect: (transaction: SqlTransaction) => Promise<unknown>,
): Promise<boolean> {
  return client.$transaction(async (transaction) => {
    const inserted = await transaction.$executeRawUnsafe(
      'insert into scale_inbox (queue, message_id) values ($1, $2) on conflict do nothing',
      queue, messageId,
    )
    if (inserted === 0) return false
    await effect(transaction)
    return true
  }, { maxWait: CONNECTION_WAIT, timeout: timeout + CONNECTION_WAIT })
}

/** Maximum number of entries deleted in one statement, so that no statement holds its locks for long. */
const SWEEP = 5000

/**
 * Deletes inbox entries older than `age` ms.
 *
 * @returns the number of deleted entries
 */
export async function forgetApplied(client: SqlTransaction, age: number): Promise<number> {
  let forgotten = 0
  for (;;) {
    const deleted = await client.$executeRawUnsafe(
      `delete from scale_inbox where ctid in (
         select ctid from scale_inbox where processed_at < now() - cast($1 as float8) * interval '1 millisecond' limit ${SWEEP}
       )`,
      age,
    )
    forgotten += deleted
    if (deleted < SWEEP) return forgotten
  }
}
