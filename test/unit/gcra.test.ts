import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bucketOf, decide, remainingOf, shareOf, waitOf } from '../../src/runtime/server/core/gcra'
import { createNginxLimit } from '../support/nginx-limit'

const SECOND = 1_000_000
const arrivals = fc.record({
  limit: fc.integer({ min: 1, max: 500 }),
  window: fc.integer({ min: 1, max: 3600 }).map(seconds => seconds * SECOND),
  burst: fc.integer({ min: 0, max: 60 }),
  pauses: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 20 * SECOND })), { minLength: 1, maxLength: 120 }),
})

describe('the algorithm', () => {
  it('decides as limit_req of nginx does, on any arrivals', () => {
    fc.assert(fc.property(arrivals, ({ limit, window, burst, pauses }) => {
      const bucket = bucketOf(limit, window, burst)
      const nginx = createNginxLimit(bucket.interval, burst)
      let arrival = 0
      let now = 1_790_000_000_000_000
      for (const pause of pauses) {
        now += pause
        const verdict = decide(bucket, arrival, now, 1)
        expect(verdict.allowed).toBe(nginx(now))
        arrival = verdict.arrival
      }
    }), { numRuns: 2000 })
  })

  it('never lets more through than burst + 1 and one each interval, whatever the costs', () => {
    const paid = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 * SECOND }), fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 100 })
    fc.assert(fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 4, max: 20 }), paid, (limit, burst, requests) => {
      const bucket = bucketOf(limit, SECOND, burst)
      const passed: { at: number, cost: number }[] = []
      let arrival = 0
      let now = 0
      for (const [pause, cost] of requests) {
        now += pause
        const verdict = decide(bucket, arrival, now, cost)
        arrival = verdict.arrival
        if (verdict.allowed) passed.push({ at: now, cost })
      }
      for (let first = 0; first < passed.length; first++) {
        let taken = 0
        for (let last = first; last < passed.length; last++) {
          taken += passed[last]!.cost
          expect(taken).toBeLessThanOrEqual(1 + burst + (passed[last]!.at - passed[first]!.at) / bucket.interval)
        }
      }
    }))
  })

  it('says exactly when a denied request would pass, and how many more would pass now', () => {
    fc.assert(fc.property(arrivals, fc.integer({ min: 1, max: 3 }), ({ limit, window, burst, pauses }, cost) => {
      fc.pre(cost <= 1 + burst)
      const bucket = bucketOf(limit, window, burst)
      let arrival = 0
      let now = 5_000_000_000
      for (const pause of pauses) {
        now += pause
        const verdict = decide(bucket, arrival, now, cost)
        arrival = verdict.arrival
        if (!verdict.allowed) {
          const wait = waitOf(bucket, verdict.fill, cost)
          expect(decide(bucket, arrival, now + wait - 1, cost).allowed).toBe(false)
          expect(decide(bucket, arrival, now + wait, cost).allowed).toBe(true)
        }
        const left = remainingOf(bucket, verdict.fill)
        expect(left === 0 || decide(bucket, arrival, now, left).allowed).toBe(true)
        expect(decide(bucket, arrival, now, left + 1).allowed).toBe(false)
      }
    }))
  })

  it('locks nobody out for longer than a full bucket when the clock is set back', () => {
    const bucket = bucketOf(10, SECOND, 9)
    const { arrival } = decide(bucket, 0, 1_790_000_000_000_000, 10)
    const back = decide(bucket, arrival, 1_780_000_000_000_000, 1)
    expect(back.allowed).toBe(false)
    expect(waitOf(bucket, back.fill, 1)).toBe(bucket.interval)
  })

  it('gives each of several processes its part, and at least one request', () => {
    expect(shareOf(bucketOf(100, SECOND, 99), 1 / 4, 1)).toEqual(bucketOf(25, SECOND, 24))
    expect(shareOf(bucketOf(2, SECOND, 1), 1 / 10, 1)).toEqual({ interval: 5 * SECOND, capacity: 5 * SECOND })
    expect(shareOf(bucketOf(10, SECOND, 9), 1 / 10, 5).capacity).toBe(5 * SECOND)
  })
})
