import type { SqlClient, SqlTransaction } from '../sql-client'

/** Which message is applied, and for which queue: each queue applies a message once. */
export interface InboxEntry {
  queue: string
  messageId: string
  /** Milliseconds that the effect may take. */
  timeout: number
}

/** Milliseconds that the transaction may wait for a connection. */
const CONNECTION_WAIT = 5000

/**
 * Runs an effect in a transaction that also notes the message, so that both happen or neither.
 * A copy that comes meanwhile waits in the database for the first one to end.
 *
 * @returns whether the effect was applied; `false` when the message had been applied before
 * @throws what the effect or the database throws, and then nothing was applied
 */
export function applyOnce(client: SqlClient, { queue, messageId, timeout }: InboxEntry, effect: (transaction: SqlTransaction) => Promise<unknown>): Promise<boolean> {
  return client.$transaction(async (transaction) => {
    const noted = await transaction.$executeRawUnsafe('insert into scale_inbox (queue, message_id) values ($1, $2) on conflict do nothing', queue, messageId)
    if (noted === 0) return false
    await effect(transaction)
    return true
  }, { maxWait: CONNECTION_WAIT, timeout: timeout + CONNECTION_WAIT })
}

/** Entries deleted in one statement, so that none holds its locks for long. */
const SWEEP = 5000

/**
 * Forgets entries older than `age` ms. Keep them longer than a message can be on its way.
 * @returns how many
 */
export async function forgetApplied(client: SqlTransaction, age: number): Promise<number> {
  let forgotten = 0
  for (;;) {
    const deleted = await client.$executeRawUnsafe(
      `delete from scale_inbox where ctid in (select ctid from scale_inbox where processed_at < now() - cast($1 as float8) * interval '1 millisecond' limit ${SWEEP})`, age,
    )
    forgotten += deleted
    if (deleted < SWEEP) return forgotten
  }
}
