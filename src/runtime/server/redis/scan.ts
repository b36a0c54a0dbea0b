import type { Redis } from 'ioredis'
import { followRedirection } from './redirect'
import type { RedisConnection } from './types'

/** Keys that one step looks at: a stall of well under a millisecond or two, and two thousand steps for a million keys. */
const COUNT = 500
/** Deadline in ms of one step and of deleting what it found. It waits behind other work of the server, so it is longer than a read's. */
const STEP_BUDGET = 5000

/** Escapes what a Redis glob would read as a wildcard. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^]/g, '\\$&')
}

/**
 * Visits the keys that match a glob on every master, step by step and never with KEYS.
 * A key may come twice: SCAN promises no more.
 *
 * @param match glob over whole keys; escape literal parts with {@link escapeGlob}
 * @throws the connection's error when a step misses its deadline
 */
export async function scanKeys(connection: RedisConnection, match: string, visit: (keys: string[]) => Promise<void> | void): Promise<void> {
  const scanMaster = async (master: Redis) => {
    let cursor = '0'
    do {
      const [next, keys] = await connection.run(() => master.scan(cursor, 'MATCH', match, 'COUNT', COUNT), STEP_BUDGET)
      cursor = next
      if (keys.length > 0) await visit(keys)
    } while (cursor !== '0')
  }
  // Within run, so that a scan right after the start waits for the first connection.
  const masters = await connection.run(async () => connection.masters())
  await Promise.all(masters.map(scanMaster))
}

/** Deletes keys and returns how many there were. One key a command: a Cluster refuses a command with keys of several slots. */
export async function unlinkKeys(connection: RedisConnection, keys: readonly string[]): Promise<number> {
  const answers = await connection.run(
    client => Promise.all(keys.map(key => followRedirection<number>(client, commander => commander.unlink(key)))),
    STEP_BUDGET,
  )
  return answers.reduce((sum, answer) => sum + answer, 0)
}
