import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lifeOf } from '../../src/runtime/server/cache/lifetime'
import { resolvePolicy } from '../../src/runtime/server/cache/policy'
import { cacheSettings } from '../../src/runtime/server/cache/settings'
import type { CacheOptions } from '../../src/runtime/server/cache/types'

const settings = cacheSettings.resolveGiven({ ttl: 100, staleTtl: 20, staleIfError: 50, jitter: 0.1, timeout: '10s', lease: false })
const policyOf = (options?: CacheOptions | number, scope = '') => resolvePolicy(options, settings, scope)

/** The largest number that Math.random() can give. */
const ALMOST_ONE = 1 - 2 ** -53

describe('the options of a call', () => {
  it('are those of the module where it names none', () => {
    expect(policyOf()).toMatchObject({ ttl: 100_000, staleTtl: 20_000, staleIfError: 50_000, jitter: 0.1, timeout: 10_000, softTimeout: 10_000, lease: false, earlyRefresh: 0, tags: [] })
  })

  it('take the place of the module\'s', () => {
    const options: CacheOptions = { ttl: '5m', staleTtl: '250ms', staleIfError: 0, jitter: 0, timeout: 2, softTimeout: '1s', lease: true, earlyRefresh: 1.5, tags: ['b', 'a', 'b'] }
    expect(policyOf(options)).toMatchObject({ ttl: 300_000, staleTtl: 250, staleIfError: 0, jitter: 0, timeout: 2000, softTimeout: 1000, lease: true, earlyRefresh: 1.5, tags: ['b', 'a'] })
    expect(policyOf(60)).toMatchObject({ ttl: 60_000, staleTtl: 20_000 })
    expect(policyOf({ softTimeout: '1h' }).softTimeout).toBe(10_000)
    expect(policyOf({ earlyRefresh: true }).earlyRefresh).toBe(1)
    expect(policyOf({ earlyRefresh: false }).earlyRefresh).toBe(0)
    expect(policyOf({ tags: ['a b'] }, 'eu').tags).toEqual(['eu|a%20b'])
  })

  it.each<[object, string]>([
    [{ ttl: 0 }, 'The cache option ttl is 0: write a duration above 0'],
    [{ ttl: -1 }, 'The cache option ttl is -1: write a number of seconds'],
    [{ ttl: Number.NaN }, 'The cache option ttl is'],
    [{ ttl: Infinity }, 'The cache option ttl is'],
    [{ ttl: 'soon' }, 'The cache option ttl is "soon"'],
    [{ staleTtl: -1 }, 'The cache option staleTtl is -1'],
    [{ staleIfError: '1 week' }, 'The cache option staleIfError is "1 week"'],
    [{ timeout: '' }, 'The cache option timeout is ""'],
    [{ softTimeout: -0.5 }, 'The cache option softTimeout is -0.5'],
    [{ jitter: -0.01 }, 'The cache option jitter is -0.01: write a number from 0 to 1.'],
    [{ jitter: 1.01 }, 'The cache option jitter is 1.01: write a number from 0 to 1.'],
    [{ jitter: Number.NaN }, 'The cache option jitter is NaN: write a number from 0 to 1.'],
    [{ earlyRefresh: -1 }, 'The cache option earlyRefresh is -1: write true, false or a number above 0.'],
    [{ earlyRefresh: Number.NaN }, 'The cache option earlyRefresh is NaN'],
    [{ earlyRefresh: Infinity }, 'The cache option earlyRefresh is Infinity'],
    [{ earlyRefresh: 'often' }, 'The cache option earlyRefresh is often'],
    [{ serializer: 'yaml' }, 'The cache option serializer is "yaml": write \'json\', \'devalue\' or an object with codec (one letter), encode and decode.'],
    [{ serializer: {} }, 'The cache option serializer is {}'],
    [{ serializer: { codec: 'yaml', encode: String, decode: String } }, 'The cache option serializer is {"codec":"yaml"}'],
    [{ serializer: { codec: 'y', encode: String } }, 'The cache option serializer is {"codec":"y"}'],
    [{ serializer: { codec: 'y', decode: String } }, 'The cache option serializer is {"codec":"y"}'],
    [{ tags: 'product' }, 'The cache option tags is "product": write a list, such as [\'product\'].'],
    [{ tags: new Set(['product']) }, 'The cache option tags is'],
    [{ tags: ['product', ''] }, 'A cache tag is an empty string'],
    [{ tags: [7] }, 'A cache tag is of type number'],
  ])('%o are refused with one sentence that names the wrong one', (options, sentence) => {
    let message = ''
    try {
      policyOf(options as CacheOptions)
    }
    catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain(sentence)
    expect(message).toMatch(/^[^\n]+\.$/)
  })
})

describe('the life of a value', () => {
  const milliseconds = fc.integer({ min: 1, max: 10 ** 9 })
  const share = fc.double({ min: 0, max: 1, noNaN: true })

  it('stays within the jitter of its ttl, and its horizon as long past that as the longer of the two stale times', () => {
    fc.assert(fc.property(milliseconds, share, fc.nat(10 ** 9), fc.nat(10 ** 9), fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }), (ttl, jitter, staleTtl, staleIfError, drawn) => {
      const { fresh, horizon } = lifeOf({ ...policyOf(), ttl, jitter, staleTtl, staleIfError }, () => drawn)
      expect(Number.isSafeInteger(fresh)).toBe(true)
      expect(fresh).toBeGreaterThanOrEqual(Math.max(1, Math.floor(ttl * (1 - jitter))))
      expect(fresh).toBeLessThanOrEqual(Math.ceil(ttl * (1 + jitter)))
      expect(horizon - fresh).toBe(Math.max(staleTtl, staleIfError))
    }))
  })

  it('uses the whole of it, evenly to both sides', () => {
    const life = (drawn: number) => lifeOf({ ...policyOf(), ttl: 100_000, jitter: 0.1 }, () => drawn).fresh
    expect([0, 0.25, 0.5, 0.75, ALMOST_ONE].map(life)).toEqual([90_000, 95_000, 100_000, 105_000, 110_000])
    const drawn = Array.from({ length: 1000 }, () => lifeOf(policyOf()).fresh)
    expect(Math.max(...drawn) - Math.min(...drawn)).toBeGreaterThan(15_000)
  })

  it('is the ttl to the millisecond without jitter', () => {
    fc.assert(fc.property(milliseconds, fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }), (ttl, drawn) => {
      expect(lifeOf({ ...policyOf(), ttl, jitter: 0 }, () => drawn).fresh).toBe(ttl)
    }))
  })
})
