import type { Redis } from 'ioredis'
import { followRedirection } from './redirect'
import type { RedisConnection } from './types'

/** Keys that one step examines. It blocks Redis for less than two milliseconds, and a million keys take 2000 steps. */
const COUNT = 500
/** Deadline in milliseconds of one step, and of deleting its keys. It is long, because a step may wait for other work of the server. */
const STEP_BUDGET = 5000

/** Escapes the characters that are wildcards in a glob of Redis. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^]/g, '\\$&')
}

/**
 * Visits the keys that match a glob on every master. It uses SCAN and never KEYS, which would block Redis.
 * SCAN may return a key twice, so `visit` may get it twice.
 *
 * @param match glob that matches whole keys; escape literal parts with {@link escapeGlob}
 * @throws the error of the connection if a step misses its deadline
 */
export async function scanKeys(connection: RedisConnection, match: string, visit: (keys: string[]) => Promise<void> | void): Promise<void> {
  const scanMaster = async (master: Redis) => {
    let cursor = '0'
    do {
      const [next, keys] = await connection.run(() => master.scan(cursor, 'MATCH', match, 'COUNT', COUNT), STEP_BUDGET, 'SCAN')
      cursor = next
      if (keys.length > 0) await visit(keys)
    } while (cursor !== '0')
  }
  // Inside `run`, so that a scan right after the start waits for the first connection.
  const masters = await connection.run(async () => connection.masters())
  await Promise.all(masters.map(scanMaster))
}

/** Deletes keys and returns how many existed. Each key has its own command, because a Cluster refuses keys of several slots in one. */
export async function unlinkKeys(connection: RedisConnection, keys: readonly string[]): Promise<number> {
  const answers = await connection.run(
    client => Promise.all(keys.map(key => followRedirection<number>(client, commander => commander.unlink(key)))),
    STEP_BUDGET,
    'UNLINK',
  )
  return answers.reduce((sum, answer) => sum + answer, 0)
}
