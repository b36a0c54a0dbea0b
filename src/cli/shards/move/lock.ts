import { CliFailure } from '../../support/exit'
import type { ShardSession } from './session'
import { ShardStatementError } from './session'

/**
 * Writes wait in line behind a lock that waits, so it waits for this long at a time. Below PostgreSQL's `deadlock_timeout` of a second:
 * it is this command that gives way, never a transaction of the app.
 */
const LOCK_TIMEOUT = '250ms'
const PAUSE = 100
const MOST_TRIES = 180
/** SQLSTATE of a lock that was not granted in time, and of a deadlock. */
const REFUSED = ['55P03', '40P01']

/**
 * Runs `work` in a transaction that takes table locks, and tries again as long as the app is in the way.
 *
 * @param tables for the error
 * @throws CliFailure after about a minute
 */
export async function withTableLocks<T>(session: ShardSession, tables: readonly string[], work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await session.transaction(async () => {
        await session.execute(`set local lock_timeout = '${LOCK_TIMEOUT}'`)
        return await work()
      })
    }
    catch (error) {
      if (!(error instanceof ShardStatementError) || !REFUSED.includes(error.code ?? '')) throw error
      if (tries === MOST_TRIES) throw new CliFailure(`Transactions on the shard ${session.shard} have held ${tables.join(', ')} for a minute: end those that stay open, and run the command again.`)
      await new Promise(resolve => setTimeout(resolve, PAUSE))
    }
  }
}
