import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bucketOf, decide } from '../../src/runtime/server/core/gcra'
import { createLimiter } from '../../src/runtime/server/rate-limit/limiter'
import { createRedisLimits } from '../../src/runtime/server/rate-limit/redis-limits'
import { decideScript, decideWholeScript } from '../../src/runtime/server/rate-limit/script'
import { resolveRateLimit } from '../../src/runtime/server/rate-limit/settings'
import { createRedisConnection } from '../../src/runtime/server/redis/connection'
import { defineScript, runScript } from '../../src/runtime/server/redis/script'
import { redisSettings } from '../../src/runtime/server/redis/settings'
import { createNginxLimit } from '../support/nginx-limit'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { waitFor } from '../support/wait'
import type { Worker } from '../support/worker'
import { startWorker } from '../support/worker'
import type { Arrivals } from '../support/limit-worker-main'

const PROCESSES = 4
const silent = { info: () => {}, warn: () => {}, error: () => {} }
let redis: RedisServer
let workers: Worker[]

beforeAll(async () => {
  redis = await startRedis()
  workers = await Promise.all(Array.from({ length: PROCESSES }, () => startWorker('limit-worker-main.ts')))
  await Promise.all(workers.map(worker => worker.ask({ redis: { host: redis.host, port: redis.port } })))
})

afterAll(async () => {
  await Promise.all(workers?.map(worker => worker.close()) ?? [])
  await redis?.stop()
})

/** What all processes allowed together, by key. */
async function fire(rule: Arrivals['rule'], requests: Arrivals['requests'][]): Promise<Map<string, number>> {
  const answers = await Promise.all(workers.map((worker, index) => worker.ask({ rule, requests: requests[index]! } satisfies Arrivals))) as { allowed: boolean[], fallbacks: number }[]
  const allowed = new Map<string, number>()
  for (const [index, answer] of answers.entries()) {
    expect(answer.fallbacks).toBe(0)
    for (const [at, { key, cost }] of requests[index]!.entries()) {
      if (answer.allowed[at]) allowed.set(key, (allowed.get(key) ?? 0) + cost)
    }
  }
  return allowed
}

/** The requests of all processes, dealt out at random. */
function deal(counts: Map<string, number>, cost = 1): Arrivals['requests'][] {
  const hands = Array.from({ length: PROCESSES }, () => [] as Arrivals['requests'])
  for (const [key, count] of counts) {
    for (let request = 0; request < count; request++) hands[randomInt(PROCESSES)]!.push({ key, cost })
  }
  for (const hand of hands) hand.sort(() => randomInt(3) - 1)
  return hands
}

describe('four processes on one Redis', () => {
  it('let exactly 1 + burst of each of 10,000 callers through, as nginx would', async () => {
    const burst = 4
    const counts = new Map(Array.from({ length: 10_000 }, (_, index) => [`caller-${index}`, 1 + randomInt(12)]))
    const allowed = await fire({ limit: 1, window: '1d', burst }, deal(counts))
    let above = 0
    let below = 0
    for (const [key, count] of counts) {
      const expected = Math.min(count, 1 + burst)
      above += Number((allowed.get(key) ?? 0) > expected)
      below += Number((allowed.get(key) ?? 0) < expected)
    }
    expect({ above, below }).toEqual({ above: 0, below: 0 })
  }, 180_000)

  it('keep the rate while time goes on', async () => {
    const [interval, burst] = [20, 9]
    const before = await redisTime()
    const allowed = await fire({ limit: 1, window: `${interval}ms`, burst }, deal(new Map(Array.from({ length: 20 }, (_, index) => [`steady-${index}`, 600]))))
    const most = 1 + burst + (await redisTime() - before) / 1000 / interval
    expect(Math.min(...allowed.values())).toBeGreaterThan(burst)
    expect(Math.max(...allowed.values())).toBeLessThanOrEqual(most)
  }, 120_000)

  it('count costs', async () => {
    const allowed = await fire({ limit: 10, window: '1d', burst: 9, cost: 3 }, deal(new Map(Array.from({ length: 200 }, (_, index) => [`costly-${index}`, 8])), 3))
    expect([...new Set(allowed.values())]).toEqual([9])
  })
})

describe('the script', () => {
  it.each([
    ['for any interval', decideScript, 10_000, () => bucketOf(1 + randomInt(50), 1_000_000 * (1 + randomInt(60)), randomInt(8))],
    ['for whole milliseconds', decideWholeScript, 3000, () => bucketOf(1, 1000 * (1 + randomInt(60_000)), randomInt(8))],
  ])('%s decides as the algorithm and as nginx do, on thousands of sequences of arrivals', async (name, script, sequences, pickBucket) => {
    // The same text, told by the test when the key would expire, because Redis's own time goes on.
    const parts = script.text.split(/call\('PTTL', key\)|\(raised \+ rest\) \/ 1000/)
    expect(parts.length).toBe(3)
    const timed = defineScript(`${parts[0]}ARGV[3]${parts[1]}600000${parts[2]}`)
    const client = redis.client()
    let decisions = 0
    const wrong: unknown[] = []
    const sequence = async (key: string) => {
      const bucket = pickBucket()
      const nginx = createNginxLimit(bucket.interval, bucket.capacity / bucket.interval - 1)
      let arrival = 0
      let expiry = 0
      let now = 1_790_000_000_000 + randomInt(1_000_000_000)
      for (let request = 0; request < 12; request++) {
        now += randomInt(4) === 0 ? 0 : randomInt(Math.ceil(2 * bucket.interval / 1000))
        const answer = await runScript(client, timed, [key], [bucket.interval, bucket.capacity, expiry > now ? expiry - now : -2]) as number
        if (answer >= 0) expiry = now + Math.ceil(answer / 1000)
        const expected = decide(bucket, arrival, now * 1000, 1)
        arrival = expected.arrival
        decisions++
        if (answer !== (expected.allowed ? expected.fill : -1 - expected.fill) || expected.allowed !== nginx(now * 1000)) wrong.push({ key, request, answer, expected })
      }
    }
    const keys = Array.from({ length: sequences }, (_, index) => `sequence ${name} ${index}`).values()
    await Promise.all(Array.from({ length: 100 }, async () => {
      for (const key of keys) await sequence(key)
    }))
    expect(wrong.slice(0, 3)).toEqual([])
    expect(decisions).toBe(12 * sequences)
  }, 180_000)

  it('goes to the socket with others of the same turn, in few writes', async () => {
    const connection = createRedisConnection(redisSettings.resolveGiven({ host: redis.host, port: redis.port }, {})!, { log: silent })
    try {
      const store = createRedisLimits(connection, 5000)
      const bucket = bucketOf(1000, 1_000_000, 0)
      const observer = redis.client()
      const reads = async () => Number(/total_reads_processed:(\d+)/.exec(await observer.info('stats'))![1])
      await store.take('alone', bucket, 1)
      const before = await reads()
      expect(await Promise.all(Array.from({ length: 64 }, (_, index) => store.take(`together ${index}`, bucket, 1)))).toEqual(Array.from({ length: 64 }, () => 1000))
      // Eight writes, and the question itself. Redis may read two of them at once.
      expect(await reads() - before).toBeLessThanOrEqual(9)
    }
    finally {
      await connection.close()
    }
  })

  it('leaves no key without an expiry', async () => {
    const client = redis.client()
    const keys = await client.keys('scale:limit:*')
    expect(keys.length).toBeGreaterThan(10_000)
    const lives = await Promise.all(keys.map(key => client.pttl(key)))
    expect(lives.filter(life => life === -1)).toEqual([])
  })
})

describe('a Redis that goes away', () => {
  it('costs no request more than its deadline, and is said once in each direction', async () => {
    const own = await startRedis()
    const connection = createRedisConnection(redisSettings.resolveGiven({ host: own.host, port: own.port }, {})!, { log: silent })
    await waitFor(() => connection.available)
    const news: boolean[] = []
    const limiter = createLimiter({ shared: createRedisLimits(connection, 75), share: 1 / 2, onShared: reachable => void news.push(reachable) })
    const rule = resolveRateLimit('api', { limit: 10, window: '1h' }, 'rule')
    const take = (key: string) => limiter.take(rule, key)
    expect((await take('before')).by).toBe('redis')
    await own.pause()
    const decisions = await Promise.all(Array.from({ length: 200 }, () => take('during')))
    await own.resume()
    expect(decisions.filter(({ allowed }) => allowed).length).toBe(5)
    expect(new Set(decisions.map(({ by }) => by))).toEqual(new Set(['memory']))
    await waitFor(async () => (await take(`after ${randomInt(1e9)}`)).by === 'redis', { timeout: 10_000 })
    await own.kill()
    expect((await take('killed')).by).toBe('memory')
    expect(news).toEqual([false, true, false])
    expect(limiter.stats.fallbacks).toBeGreaterThan(200)
    await connection.close()
    await own.stop()
  })
})

describe('a Redis that answers late', () => {
  /** Requests of one caller, one every two milliseconds, for `seconds`; `trouble` happens twice a second. Everything is judged by nginx's algorithm too. */
  async function flood(own: RedisServer, commandTimeout: string, seconds: number, trouble: () => Promise<void>) {
    const connection = createRedisConnection(redisSettings.resolveGiven({ host: own.host, port: own.port, commandTimeout }, {})!, { log: silent })
    await waitFor(() => connection.available)
    let outages = 0
    connection.onAvailability(available => outages += Number(!available))
    const limiter = createLimiter({ shared: createRedisLimits(connection, 75), share: 1, onShared: () => {} })
    const rule = resolveRateLimit('api', { limit: 50, window: 1, burst: 20 }, 'rule')
    const nginx = createNginxLimit(rule.bucket.interval, 20)
    const decisions: Promise<{ allowed: boolean }>[] = []
    let expected = 0
    const began = performance.now()
    let next = began + 500
    for (let now = began; now < began + seconds * 1000; now = performance.now()) {
      decisions.push(Promise.resolve(limiter.take(rule, 'one caller')))
      expected += Number(nginx(Math.floor(now * 1000)))
      if (now >= next) {
        next += 500
        await trouble()
      }
      await sleep(2)
    }
    const allowed = (await Promise.all(decisions)).filter(decision => decision.allowed).length
    const { fallbacks } = limiter.stats
    await connection.close()
    return { allowed, expected, fallbacks, outages }
  }

  it('is late for the limiter alone, and nobody gets a new bucket for it', async () => {
    const own = await startRedis()
    const pauses: Promise<void>[] = []
    const { allowed, expected, fallbacks, outages } = await flood(own, '2s', 4, async () => {
      await own.pause()
      pauses.push(sleep(120).then(() => own.resume()))
    })
    await Promise.all(pauses)
    await own.stop()
    expect(fallbacks).toBeGreaterThan(0)
    expect(outages).toBe(0)
    expect(allowed).toBeLessThanOrEqual(Math.ceil(expected * 1.01))
  })

  it('is told what was let through while it was away', async () => {
    const own = await startRedis()
    let away = false
    const { allowed, expected, fallbacks, outages } = await flood(own, '250ms', 5, async () => {
      await (away ? own.resume() : own.pause())
      away = !away
    })
    if (away) await own.resume()
    await own.stop()
    expect(outages).toBeGreaterThan(0)
    expect(fallbacks).toBeGreaterThan(0)
    expect(allowed).toBeLessThanOrEqual(Math.ceil(expected * 1.01))
  })
})

/** Microseconds by the clock of Redis. */
async function redisTime(): Promise<number> {
  const [seconds, micros] = await redis.client().time()
  return Number(seconds) * 1_000_000 + Number(micros)
}
