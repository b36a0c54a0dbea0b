import { ReshardError } from './errors'
import type { ShardSession } from './session'

/** Milliseconds that another command, or the connection of one that was killed, has to go away. */
const WAIT = 20_000
/** SQLSTATE of a lock that was not granted in time. */
const LOCK_NOT_AVAILABLE = '55P03'

const keyOf = ({ schema }: ShardSession) => `nuxt-scale shards ${schema}`

/**
 * Takes the lock of a shard, of which one command at a time has it. It goes away with the connection, so the writes of a command that was
 * killed are over before the next one begins. What a command has read before it had the lock says nothing any more.
 *
 * @throws ReshardError when another command keeps it
 */
export async function takeCommandLock(session: ShardSession): Promise<void> {
  await session.execute(`set lock_timeout = ${WAIT}`)
  try {
    await session.rows('select pg_advisory_lock(hashtextextended($1, 0))', [keyOf(session)])
  }
  catch (error) {
    if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error
    const where = `the shard ${session.shard}, or it is the same database as the other shard`
    throw new ReshardError(`Another nuxt-scale command is at work on ${where}: wait for its end.`)
  }
  await session.execute('reset lock_timeout')
}

/** @throws ReshardError when this command has lost the lock of a shard, and another one may have taken over */
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
