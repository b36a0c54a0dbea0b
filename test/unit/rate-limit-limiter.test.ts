import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide } from '../../src/runtime/server/core/gcra'
import { createLimiter } from '../../src/runtime/server/rate-limit/limiter'
import type { RateLimitRule } from '../../src/runtime/server/rate-limit/settings'
import { resolveRateLimit } from '../../src/runtime/server/rate-limit/settings'
import type { SharedLimits } from '../../src/runtime/server/rate-limit/limiter'
import { RedisTimeoutError } from '../../src/runtime/server/redis/errors'
import { createNginxLimit } from '../support/nginx-limit'

const rule = (options: Partial<RateLimitRule> = {}) => resolveRateLimit('api', { limit: 10, window: 1, ...options }, 'rule')

/** Shared buckets on the clock of the test, which count how often they are asked, and can be gone. */
function setUp({ replicas = 1 } = {}) {
  const state = { now: 1000, gone: false, late: false, asked: 0, news: [] as boolean[] }
  const arrivals = new Map<string, number>()
  const shared: SharedLimits = {
    async take(key, bucket, cost, debt = 0) {
      state.asked++
      if (state.gone) throw new Error('Redis is gone')
      const verdict = decide(bucket, Math.max(arrivals.get(key) ?? 0, state.now * 1000) + debt, state.now * 1000, cost)
      arrivals.set(key, verdict.arrival)
      if (state.late) throw new RedisTimeoutError(75)
      return verdict.allowed ? verdict.fill : -1 - verdict.fill
    },
  }
  const limiter = createLimiter({ shared, share: 1 / replicas, onShared: reachable => void state.news.push(reachable), now: () => state.now })
  const takeMany = async (count: number, given = rule(), key = 'a') => {
    let allowed = 0
    for (let request = 0; request < count; request++) allowed += Number((await limiter.take(given, key)).allowed)
    return allowed
  }
  return { state, limiter, takeMany }
}

describe('a limiter', () => {
  it('asks no more for a key that is denied, until its time has come', async () => {
    const { state, limiter, takeMany } = setUp()
    expect(await takeMany(1000)).toBe(10)
    expect(state.asked).toBe(11)
    expect(await limiter.take(rule(), 'a')).toEqual({ allowed: false, remaining: 0, reset: 1000, retryAfter: 100, by: 'redis' })
    state.now += 99
    expect(await takeMany(5)).toBe(0)
    expect(state.asked).toBe(11)
    state.now += 1
    expect(await takeMany(5)).toBe(1)
    expect(await takeMany(5, rule(), 'b')).toBe(5)
  })

  it('does not hold a small request back because a large one was denied', async () => {
    const { limiter } = setUp()
    expect(await limiter.take(rule(), 'a', 8)).toMatchObject({ allowed: true, remaining: 2 })
    expect(await limiter.take(rule(), 'a', 5)).toMatchObject({ allowed: false })
    expect(await limiter.take(rule(), 'a', 2)).toMatchObject({ allowed: true, remaining: 0 })
  })

  it('counts in the process while Redis is gone, its part of the limit, and says so once', async () => {
    const { state, limiter, takeMany } = setUp({ replicas: 5 })
    state.gone = true
    expect(await takeMany(50)).toBe(2)
    expect((await limiter.take(rule(), 'a')).by).toBe('memory')
    expect(limiter.stats.fallbacks).toBe(51)
    state.gone = false
    // The two that it let through are told to the shared bucket.
    expect(await takeMany(50)).toBe(8)
    expect(await takeMany(50, rule(), 'b')).toBe(10)
    expect(state.news).toEqual([false, true])
  })

  it('lets everything or nothing through while Redis is gone, where a rule says so', async () => {
    const { state, limiter, takeMany } = setUp()
    state.gone = true
    expect(await takeMany(50, rule({ fallback: 'open' }))).toBe(50)
    expect(await takeMany(50, rule({ fallback: 'closed' }))).toBe(0)
    expect(await limiter.take(rule({ fallback: 'closed' }), 'a')).toEqual({ allowed: false, remaining: 0, reset: 0, retryAfter: 1000, by: 'fallback' })
  })

  it('begins in the process where the shared bucket was, and lets no more through than nginx would, however often Redis goes, comes back or is late', async () => {
    const steps = fc.array(fc.record({ mode: fc.constantFrom('there', 'gone', 'late'), pauses: fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 40 }) }), { minLength: 1, maxLength: 8 })
    await fc.assert(fc.asyncProperty(steps, async (steps) => {
      const { state, limiter } = setUp()
      const given = rule({ burst: 4 })
      const nginx = createNginxLimit(given.bucket.interval, 4)
      let [allowed, expected] = [0, 0]
      for (const { mode, pauses } of steps) {
        Object.assign(state, { gone: mode === 'gone', late: mode === 'late' })
        for (const pause of pauses) {
          state.now += pause
          allowed += Number((await limiter.take(given, 'a')).allowed)
          expected += Number(nginx(state.now * 1000))
        }
      }
      expect(allowed).toBeLessThanOrEqual(expected)
    }), { numRuns: 300 })
  })

  it('counts in the process where no Redis is configured, the whole limit', async () => {
    const limiter = createLimiter({ shared: undefined, share: 1 / 4, onShared: () => {}, now: () => 0 })
    const decisions = await Promise.all(Array.from({ length: 30 }, () => limiter.take(rule({ burst: 19 }), 'a')))
    expect(decisions.filter(({ allowed }) => allowed).length).toBe(20)
    expect(limiter.stats).toEqual({ allowed: 20, denied: 10, shadowed: 0, fallbacks: 0 })
  })

  it('tells denials of a shadow rule apart', async () => {
    const { limiter, takeMany } = setUp()
    await takeMany(15, rule({ shadow: true }))
    expect(limiter.stats).toMatchObject({ allowed: 10, denied: 0, shadowed: 5 })
  })

  it('refuses a cost that could never pass', async () => {
    await expect(setUp().limiter.take(rule(), 'a', 11)).rejects.toThrow('A request of cost 11 can never pass the rate limit "api", which allows 10 at once')
  })
})
