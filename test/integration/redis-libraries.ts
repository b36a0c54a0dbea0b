import * as ioredis5 from 'ioredis'
import * as ioredis6 from 'ioredis-6'
import { onTestFinished } from 'vitest'
import type { RedisLibrary } from '../../src/runtime/server/redis/client'
import { createRedisConnection } from '../../src/runtime/server/redis/connection'
import type { RedisRuntimeOptions } from '../../src/runtime/server/redis/runtime-options'
import { redisSettings } from '../../src/runtime/server/redis/settings'
import type { RedisConnection } from '../../src/runtime/server/redis/types'
import { trackUnhandledRejections } from '../support/wait.ts'

/** Both supported versions of ioredis, each with its name for a test title. */
export const libraries: [string, RedisLibrary][] = [
  ['ioredis 5', { Redis: ioredis5.Redis, Cluster: ioredis5.Cluster }],
  ['ioredis 6', { Redis: ioredis6.Redis, Cluster: ioredis6.Cluster } as unknown as RedisLibrary],
]

/** A connection of one test and what it wrote to the log. */
export interface OpenConnection {
  connection: RedisConnection
  lost: string[]
  back: string[]
}

/** Opens a connection that is closed, and checked for unhandled rejections, when the test has ended. */
export function open(options: RedisRuntimeOptions, ioredis: RedisLibrary): OpenConnection {
  const lost: string[] = []
  const back: string[] = []
  const rejections = trackUnhandledRejections()
  const connection = createRedisConnection(redisSettings.resolveGiven(options, {})!, {
    log: { info: message => back.push(message), warn: message => lost.push(message) },
    ioredis,
  })
  onTestFinished(async () => {
    await connection.close()
    await new Promise(resolve => setImmediate(resolve))
    rejections.stop()
    if (rejections.list.length > 0) {
      throw new Error(`Unhandled rejections: ${rejections.list.map(String).join('; ')}`)
    }
  })
  return { connection, lost, back }
}

/** How a call ended: `'ok'`, the code of its error, or `'hung'` when it did not within two seconds. */
export async function outcome(call: Promise<unknown>): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const hung = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('hung'), 2000)
  })
  const ended = call.then(() => 'ok', (error: Error & { code?: string }) => error.code ?? error.message)
  return Promise.race([ended, hung]).finally(() => clearTimeout(timer))
}

/** Outcomes of many calls at once, each counted. */
export async function outcomes(connection: RedisConnection, count: number): Promise<Record<string, number>> {
  const ended = await Promise.all(Array.from({ length: count }, (_, index) => outcome(connection.run(client => client.get(`key:${index}`)))))
  const counts: Record<string, number> = {}
  for (const end of ended) {
    counts[end] = (counts[end] ?? 0) + 1
  }
  return counts
}
