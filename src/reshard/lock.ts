import { ReshardError, ShardStatementError } from './errors'
import type { ShardSession } from './session'

/**
 * Milliseconds to wait for a lock in one attempt. Writes queue behind a waiting lock, so it must be short. It must also be below the
 * `deadlock_timeout` of PostgreSQL (one second), so that this command gives up and never a transaction of the app.
 */
const LOCK_TIMEOUT = 250
const PAUSE = 100
const MOST_TRIES = 180
/** SQLSTATEs of a lock that was not granted in time, and of a deadlock. */
const REFUSED = ['55P03', '40P01']

/** Thrown when transactions of the app lock the tables. Nothing has changed. */
export class TablesLocked extends ReshardError {}

/**
 * Runs `work` in a transaction that takes table locks, and retries while transactions of the app hold these locks.
 *
 * @param tables names for the error
 * @param deadline on the clock of `performance.now()`. With a deadline, writes are already paused, so the locks are requested only once.
 * @throws TablesLocked at the deadline, or without a deadline after about a minute
 */
export async function withTableLocks<T>(
  session: ShardSession,
  tables: readonly string[],
  work: () => Promise<T>,
  deadline?: number,
): Promise<T> {
  const held = `Transactions on the shard ${session.shard} have locked ${tables.join(', ')}`
  for (let tries = 1; ; tries++) {
    const timeout = Math.floor(Math.min(LOCK_TIMEOUT, (deadline ?? Infinity) - performance.now()))
    try {
      // In PostgreSQL, 0 means no timeout.
      if (timeout < 1) throw new TablesLocked(`${held} until the deadline.`)
      return await session.transaction(async () => {
        await session.execute(`set local lock_timeout = ${timeout}`)
        return await work()
      })
    }
    catch (error) {
      if (!(error instanceof ShardStatementError) || !REFUSED.includes(error.code ?? '')) throw error
      if (deadline !== undefined) throw new TablesLocked(`${held} until the deadline.`)
      if (tries === MOST_TRIES) throw new TablesLocked(`${held} for a minute: end the open transactions, and run the command again.`)
      await new Promise(resolve => setTimeout(resolve, PAUSE))
    }
  }
}

/** SQL that waits until all writes to the tables have ended, and blocks new ones. */
export function lockTables(qualified: readonly string[]): string {
  return `lock table ${qualified.join(', ')} in share row exclusive mode`
}

/** SQLSTATE of a statement that exceeded its time limit. */
const TIMED_OUT = '57014'

/**
 * Runs `work` with a time limit for each of its statements.
 *
 * @param sessions sessions without an open transaction
 * @param limit in milliseconds
 * @returns undefined if a statement took longer; its transaction is rolled back
 */
export async function withStatementLimit<T>(
  sessions: readonly ShardSession[],
  limit: number,
  work: () => Promise<T>,
): Promise<T | undefined> {
  for (const session of sessions) await session.execute(`set statement_timeout = ${Math.max(1, Math.round(limit))}`)
  try {
    return await work()
  }
  catch (error) {
    if (!(error instanceof ShardStatementError) || error.code !== TIMED_OUT) throw error
    return undefined
  }
  finally {
    // Restore the initial value. A lost connection reports its own error at the next statement.
    for (const session of sessions) await session.execute('reset statement_timeout').catch(() => {})
  }
}
