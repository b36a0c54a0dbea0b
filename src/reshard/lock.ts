import { ReshardError } from './errors'
import type { ShardSession } from './session'
import { ShardStatementError } from './session'

/**
 * Writes wait in line behind a lock that waits, so it waits for so many milliseconds at a time. Below PostgreSQL's `deadlock_timeout` of a second:
 * it is this command that gives way, never a transaction of the app.
 */
const LOCK_TIMEOUT = 250
const PAUSE = 100
const MOST_TRIES = 180
/** SQLSTATE of a lock that was not granted in time, and of a deadlock. */
const REFUSED = ['55P03', '40P01']

/** Transactions of the app hold the tables. Nothing has changed. */
export class TablesLocked extends ReshardError {}

/**
 * Runs `work` in a transaction that takes table locks, and tries again as long as the app is in the way.
 *
 * @param tables for the error
 * @param deadline by `performance.now()`, while writes wait for more than this lock: it is asked for once, and no longer
 * @throws TablesLocked at the deadline, or after about a minute
 */
export async function withTableLocks<T>(
  session: ShardSession,
  tables: readonly string[],
  work: () => Promise<T>,
  deadline?: number,
): Promise<T> {
  const held = `Transactions on the shard ${session.shard} have held ${tables.join(', ')}`
  for (let tries = 1; ; tries++) {
    const timeout = Math.floor(Math.min(LOCK_TIMEOUT, (deadline ?? Infinity) - performance.now()))
    try {
      // 0 would be none.
      if (timeout < 1) throw new TablesLocked(`${held} until the deadline.`)
      return await session.transaction(async () => {
        await session.execute(`set local lock_timeout = ${timeout}`)
        return await work()
      })
    }
    catch (error) {
      if (!(error instanceof ShardStatementError) || !REFUSED.includes(error.code ?? '')) throw error
      if (deadline !== undefined) throw new TablesLocked(`${held} until now.`)
      if (tries === MOST_TRIES) throw new TablesLocked(`${held} for a minute: end those that stay open, and run the command again.`)
      await new Promise(resolve => setTimeout(resolve, PAUSE))
    }
  }
}

/** SQL: waits for all writes of tables to end, and lets no other begin. */
export function lockTables(qualified: readonly string[]): string {
  return `lock table ${qualified.join(', ')} in share row exclusive mode`
}

/** SQLSTATE of a statement that took longer than it may. */
const TIMED_OUT = '57014'

/**
 * Runs `work` with a limit for each of its statements.
 *
 * @param sessions outside of transactions
 * @param limit in milliseconds
 * @returns undefined when a statement took longer; its transaction is rolled back
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
    // Back to what the connection began with. A connection that is lost has its own error.
    for (const session of sessions) await session.execute('reset statement_timeout').catch(() => {})
  }
}
