import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { startRedis } from '../../test/support/redis.ts'
import { createLimiter, createRateLimitStore, createRedisConnection, resolveRateLimit } from '../support/engine.ts'
import { connectionSettings } from '../support/peers.ts'
import { interleave } from '../support/rounds.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const REQUESTS = 30_000
const CONCURRENCY = 50
const CALLERS = 5000
const silent = { info: () => {}, warn: () => {}, error: () => {} }

/** Decisions of a rate limit that Redis shares, none of which is a denial. */
export const measure: Measure = {
  title: 'rate limit in Redis, 50 decisions at a time, 5,000 callers',
  rounds: 10,
  async run({ rounds, progress, defer }) {
    const server = await startRedis()
    defer(() => server.stop())
    const connection = createRedisConnection(connectionSettings({ port: server.port }), { log: silent })
    defer(() => connection.close())
    const limiter = createLimiter({ shared: createRateLimitStore(connection, 5000), share: 1, onShared: () => {} })
    // Neither denies anybody. The interval of the second is no whole millisecond, which takes Redis one command more.
    const rule = resolveRateLimit('bench', { limit: 1000, window: 1 }, 'rule')
    const fast = resolveRateLimit('fast', { limit: 1_000_000, window: 1 }, 'rule')

    const client = new Redis({ host: '127.0.0.1', port: server.port, enableAutoPipelining: true })
    defer(() => client.quit())
    const flexible = new RateLimiterRedis({ storeClient: client, points: 1_000_000, duration: 1, keyPrefix: 'flexible' })
    const plain = new Redis({ host: '127.0.0.1', port: server.port })
    defer(() => plain.quit())
    const flexibleAsItsGuide = new RateLimiterRedis({ storeClient: plain, points: 1_000_000, duration: 1, keyPrefix: 'plain' })

    const results = await interleave({
      'ours': () => decisionsPerSecond(async key => (await limiter.take(rule, key)).allowed),
      'ours, interval of a microsecond': () => decisionsPerSecond(async key => (await limiter.take(fast, key)).allowed),
      'rate-limiter-flexible, auto-pipelined': () => decisionsPerSecond(async key => (await flexible.consume(key)).remainingPoints > 0),
      'rate-limiter-flexible': () => decisionsPerSecond(async key => (await flexibleAsItsGuide.consume(key)).remainingPoints > 0),
    }, rounds, progress)
    if (limiter.stats.fallbacks > 0) throw new Error(`${limiter.stats.fallbacks} decisions were made without Redis.`)

    return {
      figures: Object.entries(results).map(([name, values]) => ({ name, value: median(values), unit: 'decisions/s' })),
      checks: Object.keys(results).filter(name => !name.startsWith('ours')).map(peer => check(`ours / ${peer}`, medianRatio(results.ours, results[peer as 'ours']), 'at least', 1)),
      notes: ['Both run one script a decision. Ours keeps one time for each caller (GCRA), rate-limiter-flexible a count for each window.'],
    }
  },
}

async function decisionsPerSecond(decide: (key: string) => Promise<boolean>): Promise<number> {
  let next = 0
  let denied = 0
  async function lane() {
    while (next < REQUESTS) {
      if (!await decide(`caller-${next++ % CALLERS}`)) denied++
    }
  }
  const start = process.hrtime.bigint()
  await Promise.all(Array.from({ length: CONCURRENCY }, lane))
  if (denied > 0) throw new Error(`${denied} decisions were denials, which cost less.`)
  return REQUESTS / (Number(process.hrtime.bigint() - start) / 1e9)
}
