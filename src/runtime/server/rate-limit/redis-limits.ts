import type { RedisConnection } from '../redis/types'
import { runScriptAtOnce } from '../redis/script'
import type { SharedLimits } from './limiter'
import { decideDebtScript, decideScript, decideWholeScript } from './script'

/**
 * Creates the buckets that all instances share. Each request runs one script on Redis.
 *
 * @param deadline longest time of one call in milliseconds
 */
export function createRedisLimits(connection: RedisConnection, deadline: number): SharedLimits {
  const head = `${connection.prefix}:limit:{`
  return {
    take(key, { interval, capacity }, cost, debt = 0) {
      if (debt > 0) {
        return connection.run(
          client => runScriptAtOnce(client, decideDebtScript, [`${head}${key}}`], [cost * interval, capacity, debt]) as Promise<number>,
          deadline,
          'EVALSHA',
        )
      }
      const script = interval % 1000 === 0 ? decideWholeScript : decideScript
      return connection.run(
        client => runScriptAtOnce(client, script, [`${head}${key}}`], [cost * interval, capacity]) as Promise<number>,
        deadline,
        'EVALSHA',
      )
    },
  }
}
