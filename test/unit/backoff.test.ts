import { describe, expect, it } from 'vitest'
import { createBackoff, exponentialDelay } from '../../src/runtime/server/core/backoff'

describe('a growing pause', () => {
  it('doubles with each failure, up to the longest pause', () => {
    expect([0, 1, 2, 3, 4, 5].map(failures => exponentialDelay(failures, { first: 50, longest: 500 }))).toEqual([50, 100, 200, 400, 500, 500])
  })

  it('is the longest pause after any number of failures', () => {
    for (const failures of [30, 1023, 1024, Number.MAX_SAFE_INTEGER]) expect(exponentialDelay(failures, { first: 1000, longest: 300_000 })).toBe(300_000)
  })
})

describe('back-off', () => {
  it('is a random part of a pause that doubles up to its cap, after every host was tried', () => {
    const clock = { random: () => 0.5 }
    const backoff = createBackoff({ first: 100, longest: 500, triesPerStep: 2, clock })
    expect(Array.from({ length: 8 }, backoff.next)).toEqual([50, 50, 100, 100, 200, 200, 250, 250])
    backoff.reset()
    expect(backoff.next()).toBe(50)
  })
})
