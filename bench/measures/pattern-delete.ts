import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createStorage } from 'unstorage'
import redisDriver from 'unstorage/drivers/redis'
import { startRedis } from '../../test/support/redis.ts'
import { startRedisCluster } from '../../test/support/redis-cluster.ts'
import { startOurs } from '../support/peers.ts'
import { median } from '../support/statistics.ts'
import type { Check, Figure, Measure, MeasureContext } from '../support/types.ts'
import { check } from '../support/types.ts'
import { startWorker } from '../support/workers.ts'
import type { ProberMethods } from '../workers/prober.ts'

const KEYS = 1_000_000
const MATCHING = 100_000
const CLUSTER_MATCHING = 30_000
/** Keys written by one command while the server is filled. */
const BATCH = 10_000
const SLOW_MICROSECONDS = 1000
const DAY = 86_400_000
/** An entry as the cache stores it, of the year 2100, with a small value. */
const ENTRY = '1j 4102444800000 4102444800000 bench00000000000 0000001 00000\n"a small value"'

/** Writes keys on the server itself: a million one by one would take longer than the measure. */
const fillScript = `
for id = ARGV[2], ARGV[3] do
  redis.call('SET', ARGV[1] .. string.format('%.0f', id) .. ARGV[4], ARGV[5], 'PX', ARGV[6])
end`

/** One way to delete the keys that match. */
interface Contender {
  /** How its keys begin and end. */
  head: string
  tail: string
  run: () => Promise<unknown>
}

/** What one deletion cost. */
interface Cost {
  seconds: number
  /** Milliseconds of the longest command, 0 when none took as long as a millisecond. */
  longestCommand: number
  /** Its name. */
  command: string
  /** Commands that took a millisecond or more. */
  slowCommands: number
  longestAnswer: number
}

/** 100,000 of a million keys go, and nobody else should have to wait for it. */
export const measure: Measure = {
  title: 'pattern delete of 100,000 among 1,000,000 keys',
  rounds: 5,
  async run(context) {
    const single = await onOneServer(context)
    const cluster = await onCluster(context)
    return {
      figures: [...single.figures, ...cluster.figures],
      checks: [...single.checks, ...cluster.checks],
      notes: [
        'The longest command is the largest duration in SLOWLOG, here from 1 ms. It is wall-clock time and so holds the pauses that a busy system gives the server. The target is for the longest of all rounds.',
        'The longest answer is that of a GET of another process, sent every millisecond meanwhile.',
      ],
    }
  },
}

interface Part { figures: Figure[], checks: Check[] }

async function onOneServer({ rounds, progress, defer }: MeasureContext): Promise<Part> {
  const server = await startRedis()
  defer(() => server.stop())
  const client = server.client()
  const ours = await startOurs({ port: server.port })
  defer(ours.close)
  const naive = new Redis({ host: server.host, port: server.port })
  defer(() => naive.quit())
  const storage = createStorage()
  storage.mount('cache', redisDriver({ host: server.host, port: server.port, base: 'plain' }))
  defer(() => storage.dispose())
  const prober = await startWorker<ProberMethods>('prober.ts')
  defer(prober.stop)

  await client.config('SET', 'slowlog-max-len', '100000')
  await client.config('SET', 'slowlog-log-slower-than', String(SLOW_MICROSECONDS))
  progress('storing 900,000 other keys')
  await fill(client, 'scale:cache:{other:', '}', KEYS - MATCHING)

  const deleted: number[] = []
  const left: number[] = []
  const contenders: Record<string, Contender> = {
    'ours': {
      head: 'scale:cache:{match:',
      tail: '}',
      run: async () => deleted.push(await ours.engine.invalidatePattern('match:*')),
    },
    'naive helper (KEYS, DEL)': {
      head: 'match:',
      tail: '',
      run: async () => naive.del(...await naive.keys('match:*')),
    },
    'unstorage clear()': {
      head: 'plain:match:',
      tail: '',
      // A base inside a mount is ignored, so this one clears its whole mount.
      run: () => storage.clear('cache'),
    },
  }

  const figures: Figure[] = []
  const checks: Check[] = []
  for (const [name, contender] of Object.entries(contenders)) {
    const costs: Cost[] = []
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}: ${name}`)
      await fill(client, contender.head, contender.tail, MATCHING)
      await client.call('SLOWLOG', 'RESET')
      await prober.call('start', server.port)
      const start = performance.now()
      await contender.run()
      const seconds = (performance.now() - start) / 1000
      // A stall may begin with the last command, and the prober has to feel it.
      await sleep(50)
      costs.push({ seconds, ...await slowCommands(client), longestAnswer: await prober.call('stop') })
      left.push(await client.dbsize() - (KEYS - MATCHING))
    }
    const longest = costs.map(({ longestCommand }) => longestCommand)
    figures.push(
      { name: `${name}: time`, value: median(costs.map(({ seconds }) => seconds)), unit: 's' },
      { name: `${name}: longest command, median of rounds (${costs[0]!.command})`, value: median(longest), unit: 'ms' },
      { name: `${name}: longest command of all rounds`, value: Math.max(...longest), unit: 'ms' },
      { name: `${name}: commands of 1 ms and more, a round`, value: median(costs.map(({ slowCommands }) => slowCommands)), unit: '' },
      { name: `${name}: longest answer to another, median of rounds`, value: median(costs.map(({ longestAnswer }) => longestAnswer)), unit: 'ms' },
    )
    if (name === 'ours') {
      checks.push(
        check('ours: longest command of all rounds', Math.max(...longest), 'at most', 10, 'ms'),
        check('ours: fewest keys deleted', Math.min(...deleted), 'at least', MATCHING),
        check('ours: most keys left', Math.max(...left), 'at most', 0),
      )
    }
  }
  return { figures, checks }
}

async function onCluster({ progress, defer }: MeasureContext): Promise<Part> {
  progress('starting a Cluster')
  const cluster = await startRedisCluster({ masters: 3 })
  defer(() => cluster.stop())
  const ours = await startOurs({ cluster: cluster.startupNodes })
  defer(ours.close)
  progress(`storing 2 × ${CLUSTER_MATCHING.toLocaleString('en-US')} keys in a Cluster`)
  for (const group of ['match', 'other']) {
    for (let id = 0; id < CLUSTER_MATCHING; id += 1000) {
      await Promise.all(Array.from({ length: 1000 }, (_, step) => ours.connection.client.set(`scale:cache:{${group}:${id + step}}`, ENTRY, 'PX', DAY)))
    }
  }
  progress('deleting in a Cluster')
  const start = performance.now()
  const deleted = await ours.engine.invalidatePattern('match:*')
  const seconds = (performance.now() - start) / 1000
  const sizes = await Promise.all(cluster.nodes.map(node => node.client().dbsize()))
  const left = sizes.reduce((sum, size) => sum + size, 0) - CLUSTER_MATCHING
  return {
    figures: [{ name: 'ours, Cluster of 3 masters, 30,000 of 60,000 keys: time', value: seconds, unit: 's' }],
    checks: [
      check('ours, Cluster: keys deleted', deleted, 'at least', CLUSTER_MATCHING),
      check('ours, Cluster: keys left', left, 'at most', 0),
    ],
  }
}

async function fill(client: Redis, head: string, tail: string, keys: number): Promise<void> {
  for (let first = 0; first < keys; first += BATCH) {
    await client.eval(fillScript, 0, head, first, first + BATCH - 1, tail, ENTRY, DAY)
  }
}

/** What SLOWLOG holds since its last reset. */
async function slowCommands(client: Redis): Promise<Pick<Cost, 'longestCommand' | 'command' | 'slowCommands'>> {
  const entries = await client.call('SLOWLOG', 'GET', '-1') as [id: number, time: number, microseconds: number, words: string[]][]
  const [longest] = entries.toSorted((a, b) => b[2] - a[2])
  return { longestCommand: (longest?.[2] ?? 0) / 1000, command: longest?.[3][0]?.toUpperCase() ?? 'none', slowCommands: entries.length }
}
