import { ReshardError } from './errors'
import type { ShardSession } from './session'

/** Milliseconds to wait for another command to finish, or for the connection of a killed command to close. */
const WAIT = 20_000
/** SQLSTATE of a lock that was not granted in time. */
const LOCK_NOT_AVAILABLE = '55P03'

const keyOf = ({ schema }: ShardSession) => `nuxt-scale shards ${schema}`

/**
 * Takes the lock of a shard. Only one command at a time can hold it. The database releases it with the connection, so the writes of a
 * killed command have ended before the next command begins. Values that a command read before it had the lock may be outdated.
 *
 * @throws ReshardError if another command holds the lock
 */
export async function takeCommandLock(session: ShardSession): Promise<void> {
  await session.execute(`set lock_timeout = ${WAIT}`)
  try {
    await session.rows('select pg_advisory_lock(hashtextextended($1, 0))', [keyOf(session)])
  }
  catch (error) {
    if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error
    const where = `the shard ${session.shard}, or it is the same database as the other shard`
    throw new ReshardError(`Another nuxt-scale command is running on ${where}: wait until it has finished.`)
  }
  await session.execute('reset lock_timeout')
}

/** @throws ReshardError if this command has lost the lock of a shard, so that another command may have taken it */
export async function refuseLostLock(session: ShardSession): Promise<void> {
  // PostgreSQL lists a key of 64 bits as two halves.
  const [[held] = []] = await session.rows(`select exists (
    select from pg_locks, hashtextextended($1, 0) key
    where locktype = 'advisory' and granted and pid = pg_backend_pid() and objsubid = 1
      and database = (select oid from pg_database where datname = current_database())
      and classid::bigint = (key >> 32) & 4294967295 and objid::bigint = key & 4294967295)`, [keyOf(session)])
  if (held === 't') return
  const advice = 'connect to the database directly, without a pooler, and run the command again'
  throw new ReshardError(`This command has lost its lock of the shard ${session.shard}: ${advice}.`)
}
