import type { RedisConnection } from '../redis/types'
import { runScript } from '../redis-script'
import type { SharedLimits } from './shared-limits'
import { judgeScript } from './script'

/**
 * Buckets that all instances share: one script a request, pipelined with its neighbours.
 *
 * @param deadline milliseconds of one call
 */
export function createRedisStore(connection: RedisConnection, deadline: number): SharedLimits {
  return {
    async take(key, { interval, capacity }, cost) {
      const answer = await connection.run(client => runScript(client, judgeScript, [`${connection.prefix}:limit:{${key}}`], [cost * interval, capacity]), deadline) as number
      return answer < 0 ? { allowed: false, fill: -1 - answer } : { allowed: true, fill: answer }
    },
  }
}
