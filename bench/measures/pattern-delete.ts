import type { Redis } from 'ioredis'
import { startRedis } from '../../test/support/redis.ts'
import { startOurs } from '../support/peers.ts'
import type { Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const KEYS = 1_000_000
const MATCHING = 100_000
const BATCH = 10_000
const ENTRY = '1j 4102444800000 4102444800000 bench00000000000 0000001 00000\n1'

/** 100,000 of a million keys go; nobody else may wait for it. */
export const measure: Measure = {
  title: 'Pattern delete of 100,000 among 1,000,000 keys',
  rounds: 1,
  async run({ progress, defer }) {
    const server = await startRedis()
    defer(() => server.stop())
    const client = server.client()
    const ours = await startOurs({ port: server.port })
    defer(ours.close)

    await fill(client, progress)
    await client.config('SET', 'slowlog-log-slower-than', '500')
    await client.config('SET', 'slowlog-max-len', '100000')
    await client.call('SLOWLOG', 'RESET')
    progress('deleting by pattern')
    const start = performance.now()
    const deleted = await ours.engine.invalidatePattern('match:*')
    const seconds = (performance.now() - start) / 1000
    const longest = await longestCommand(client)
    const left = await ours.engine.keys('match:*')

    progress('KEYS and DEL')
    await client.call('SLOWLOG', 'RESET')
    await fill(client, progress, MATCHING)
    const naiveStart = performance.now()
    const keys = await client.keys('scale:cache:{match:*')
    await client.del(...keys)
    const naiveSeconds = (performance.now() - naiveStart) / 1000
    const naiveLongest = await longestCommand(client)

    return {
      figures: [
        { name: 'ours', value: seconds, unit: 's' },
        { name: 'ours, longest command', value: longest, unit: 'ms' },
        { name: 'KEYS and DEL', value: naiveSeconds, unit: 's' },
        { name: 'KEYS and DEL, longest command', value: naiveLongest, unit: 'ms' },
      ],
      checks: [
        check('longest command', longest, 'at most', 10, 'ms'),
        check('keys deleted', deleted, 'at least', MATCHING),
        check('keys left', left.length, 'at most', 0),
      ],
      notes: ['The longest command is the largest duration in SLOWLOG, which the server counts without the network.'],
    }
  },
}

/** Stores entries as the cache does; the first 100,000 match. */
async function fill(client: Redis, progress: (text: string) => void, keys = KEYS): Promise<void> {
  for (let start = 0; start < keys; start += BATCH) {
    progress(`storing ${keys.toLocaleString('en')} keys: ${start.toLocaleString('en')}`)
    const pipeline = client.pipeline()
    for (let id = start; id < start + BATCH; id++) pipeline.set(`scale:cache:{${id < MATCHING ? 'match' : 'other'}:${id}}`, ENTRY, 'PX', 3_600_000)
    await pipeline.exec()
  }
}

async function longestCommand(client: Redis): Promise<number> {
  const entries = await client.call('SLOWLOG', 'GET', '-1') as [number, number, number][]
  return Math.max(0, ...entries.map(([, , microseconds]) => microseconds)) / 1000
}
