import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { CacheCore } from '../../src/runtime/server/cache/core'
import { beginSingleFlight } from '../../src/runtime/server/cache/core'
import { InvalidatedTags } from '../../src/runtime/server/cache/invalidated-tags'
import { SingleFlights } from '../../src/runtime/server/cache/single-flights'
import { keepInL1 } from '../../src/runtime/server/cache/keep'
import { refreshEarly } from '../../src/runtime/server/cache/lifetime'
import { L1 } from '../../src/runtime/server/cache/l1'
import { createMemoryStore } from '../../src/runtime/server/cache/memory-store'
import { patternTest, writePattern } from '../../src/runtime/server/cache/pattern'
import { cacheSettings } from '../../src/runtime/server/cache/settings'

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6D2B79F5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The largest number that Math.random() can give. */
const ALMOST_ONE = 1 - 2 ** -53

describe('XFetch', () => {
  const DRAWS = 100_000

  it.each([
    { left: 1, cost: 100, beta: 1 },
    { left: 50, cost: 100, beta: 1 },
    { left: 100, cost: 100, beta: 1 },
    { left: 400, cost: 100, beta: 1 },
    { left: 100, cost: 100, beta: 0.5 },
    { left: 100, cost: 100, beta: 3 },
    { left: 3000, cost: 2000, beta: 1 },
    { left: 3000, cost: 20, beta: 1 },
  ])('refreshes $left ms before the end, after a load of $cost ms and with beta $beta, as often as exp(-left / (cost × beta))', ({ left, cost, beta }) => {
    const random = seeded(left + cost)
    const refreshes = Array.from({ length: DRAWS }, () => refreshEarly({ earlyRefresh: beta }, left, cost, random)).filter(Boolean).length
    const chance = Math.exp(-left / (cost * beta))
    // Five standard deviations of that many draws.
    expect(Math.abs(refreshes / DRAWS - chance)).toBeLessThanOrEqual(5 * Math.sqrt(chance * (1 - chance) / DRAWS))
  })

  it('is never early when it is off, whatever the dice say', () => {
    fc.assert(fc.property(fc.double({ noNaN: true }), fc.double({ min: 0, noNaN: true }), fc.constantFrom(0, 0.5, ALMOST_ONE), (left, cost, drawn) => {
      expect(refreshEarly({ earlyRefresh: 0 }, left, cost, () => drawn)).toBe(false)
    }))
  })

  it('never comes sooner than the unluckiest draw, and always at the end', () => {
    const amount = fc.double({ min: 0.001, max: 1e6, noNaN: true })
    fc.assert(fc.property(amount, fc.double({ min: 0.01, max: 10, noNaN: true }), fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }), (cost, beta, drawn) => {
      const policy = { earlyRefresh: beta }
      expect(refreshEarly(policy, 37 * cost * beta, cost, () => drawn)).toBe(false)
      expect(refreshEarly(policy, 36 * cost * beta, cost, () => ALMOST_ONE)).toBe(true)
      expect(refreshEarly(policy, 0, cost, () => drawn)).toBe(true)
    }))
  })

  it('draws for itself when nobody else does', () => {
    const answers = Array.from({ length: 1000 }, () => refreshEarly({ earlyRefresh: 1 }, Math.LN2 * 100, 100))
    expect(new Set(answers).size).toBe(2)
  })
})

describe('a value comes into L1', () => {
  let core: CacheCore
  let now: number

  beforeEach(() => {
    now = 5000
    const clock = { now: () => now, wall: () => now + 1_763_860_000_000 }
    const settings = cacheSettings.resolveGiven({})
    core = {
      settings,
      clock,
      coherence: { epoch: 7, liveUntil: Infinity, term: { id: '8c1f0a2b' } },
      l1: new L1(settings.l1),
      store: createMemoryStore(clock),
      flights: new SingleFlights(),
      invalidatedTags: new InvalidatedTags(),
    } as CacheCore
  })

  const header = () => ({ codec: 'j', expires: core.clock.wall() + 60_000, horizon: core.clock.wall() + 90_000, writeId: 'w', cost: 12, term: '8c1f0a2b', tags: ['product'], versions: ['1'] })

  function begin(key = 'product:1') {
    const flight = beginSingleFlight(core, key, ['product'])
    core.flights.begin(flight)
    return flight
  }

  it('from a flight that nothing disturbed, with its times on the clock of this process', async () => {
    expect(keepInL1(core, begin(), header(), { price: 1 }, 11)).toBe(true)
    const entry = core.l1.get('product:1')!
    expect(entry).toMatchObject({ value: { price: 1 }, epoch: 7, expires: 65_000, freshUntil: 65_000, horizon: 95_000, heldUntil: 95_000, cost: 12, tags: ['product'], versions: ['1'], writeId: 'w', plainKey: true })
    expect(await entry.promise).toBe(entry.value)
  })

  it.each<[string, () => void]>([
    ['its key', () => core.flights.markKey('product:1')],
    ['its tag', () => core.flights.markTags(tag => tag === 'product')],
    ['a pattern', () => core.flights.markMatching(patternTest(writePattern({ scope: '', glob: 'product:*' })))],
    ['everything, in a new epoch', () => core.coherence.epoch++],
  ])('but not when news of %s came while it was on its way, and what was there stays', (_, hear) => {
    keepInL1(core, begin(), { ...header(), writeId: 'before' }, 'before', 8)
    const flight = begin()
    hear()
    expect(keepInL1(core, flight, header(), 'late', 6)).toBe(false)
    expect(core.l1.get('product:1')).toMatchObject({ value: 'before', writeId: 'before', epoch: 7 })
    expect(core.l1.size).toBe(1)
    expect(keepInL1(core, begin(), header(), 'after', 7)).toBe(true)
    expect(core.l1.get('product:1')).toMatchObject({ value: 'after', epoch: core.coherence.epoch })
  })

  it.each<[string, () => void]>([
    ['another key', () => core.flights.markKey('product:2')],
    ['another tag', () => core.flights.markTags(tag => tag === 'category')],
    ['a pattern of others', () => core.flights.markMatching(patternTest(writePattern({ scope: '', glob: 'category:*' })))],
  ])('also when news of %s came', (_, hear) => {
    const flight = begin()
    hear()
    expect(keepInL1(core, flight, header(), 'value', 7)).toBe(true)
  })

  it('but not from a flight that a newer one of the same key replaced, when the news came after', () => {
    const older = begin()
    const newer = begin()
    core.flights.end(newer)
    core.flights.markKey('product:1')
    expect(keepInL1(core, older, header(), 'old', 5)).toBe(false)
    expect(core.l1.size).toBe(0)
  })
})
