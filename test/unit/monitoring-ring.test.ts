import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createGroups } from '../../src/runtime/server/monitoring/groups'
import { addValue, createHistogram, quantileOf } from '../../src/runtime/server/monitoring/histogram'
import { createRing } from '../../src/runtime/server/monitoring/ring'
import type { ClientError } from '../../src/runtime/server/monitoring/types'

const error = (fingerprint: string, more: Partial<ClientError> = {}): ClientError => ({
  kind: 'error', name: 'Error', message: `message ${fingerprint}`, frames: [], route: '/', component: '', count: 1, fingerprint,
  build: 'b', release: 'r', browser: 'chrome', ...more,
})

describe('the ring', () => {
  it('groups errors by fingerprint, with counts and times', () => {
    let now = 1000
    const ring = createRing([], () => now)
    ring.addError(error('a', { route: '/x', count: 3 }))
    now = 2000
    ring.addError(error('a', { route: '/y', browser: 'safari', build: 'c' }))
    ring.addError(error('b'))
    expect(ring.errors().map(({ fingerprint }) => fingerprint)).toEqual(['a', 'b'])
    expect(ring.findError('a')).toMatchObject({
      count: 4, firstSeen: 1000, lastSeen: 2000, routes: { '/x': 3, '/y': 1 }, browsers: { chrome: 3, safari: 1 }, build: 'c',
    })
    expect(ring.totalErrors).toBe(5)
  })

  it('stays within its bounds for 1,000,000 distinct errors, and keeps those that repeat', () => {
    const ring = createRing(['/', '/products/:id'])
    for (let times = 0; times < 3; times++) ring.addError(error('repeated'))
    globalThis.gc?.()
    for (let index = 0; index < 1_000_000; index++) ring.addError(error(`distinct ${index}`, { route: `/forged/${index}` }))
    expect(ring.errors()).toHaveLength(200)
    expect(ring.findError('repeated')).toMatchObject({ count: 3 })
    expect(ring.findError('distinct 999999')).toMatchObject({ routes: { _other: 1 } })
    expect(ring.totalErrors).toBe(1_000_003)
    ring.addError(error('late', { route: '/products/:id' }))
    expect(ring.findError('late')!.routes).toEqual({ '/products/:id': 1 })
    for (let index = 0; index < 100; index++) ring.addError(error('late', { route: `/forged/${index}` }))
    expect(Object.keys(ring.findError('late')!.routes).length).toBeLessThanOrEqual(11)
  })

  it('measures pages by pattern: all that the app has, and at most 20 others', () => {
    const known = Array.from({ length: 60 }, (_, index) => `/page-${index}`)
    const ring = createRing(known)
    const add = (route: string) => ring.addVital({ name: 'LCP', value: 1.2, route, navigation: 'navigate', build: '', release: '', browser: '' })
    for (let index = 0; index < 1000; index++) add(`/forged-${index}`)
    known.forEach(add)
    const routes = ring.pages().map(({ route }) => route)
    expect(routes).toHaveLength(81)
    expect(routes).toEqual(expect.arrayContaining([...known, '_other']))
    expect(ring.pages().find(({ route }) => route === '_other')!.vitals.LCP!.count).toBe(980)
  })

  it('keeps the phases of navigations in seconds, and slow resources by path', () => {
    const ring = createRing(['/'])
    ring.addNavigation('/', { dns: 10, connect: 20, request: 200, response: 30, interactive: 400, load: 900 })
    expect(ring.pages()[0]!.navigation.load).toMatchObject({ count: 1, sum: 0.9 })
    for (const duration of [1500, 3000, 2000]) ring.addResource({ path: '/api/slow', initiator: 'fetch', duration, route: '/' })
    expect(ring.resources()).toEqual([{ path: '/api/slow', initiator: 'fetch', count: 3, longest: 3, route: '/' }])
    for (let index = 0; index < 1000; index++) ring.addResource({ path: `/api/${index}`, initiator: 'fetch', duration: 1, route: '/' })
    expect(ring.resources()).toHaveLength(100)
  })
})

describe('groups', () => {
  it('never hold more than allowed, and never lose a key that is used between floods smaller than the protected segment', () => {
    fc.assert(fc.property(fc.integer({ min: 4, max: 40 }), fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 300 }), (most, keys) => {
      const groups = createGroups<{ key: number }>(most)
      groups.use('kept', () => ({ key: -1 }))
      groups.use('kept', () => ({ key: -1 }))
      for (const key of keys) {
        expect(groups.use(String(key), () => ({ key })).key).toBe(key)
        groups.use('kept', () => ({ key: -2 }))
        expect(groups.size).toBeLessThanOrEqual(most)
      }
      expect(groups.find('kept')!.key).toBe(-1)
      expect(groups.values()).toHaveLength(groups.size)
    }))
  })
})

describe('histograms', () => {
  it('estimate quantiles within the bucket of the value', () => {
    const histogram = createHistogram([1, 2, 4])
    expect(quantileOf(histogram, 0.75)).toBeUndefined()
    for (const value of [0.5, 0.5, 1.5, 3]) addValue(histogram, value)
    expect(quantileOf(histogram, 0.5)).toBe(1)
    expect(quantileOf(histogram, 0.75)).toBe(2)
    expect(quantileOf(histogram, 1)).toBe(4)
    addValue(histogram, 100)
    expect(quantileOf(histogram, 1)).toBe(4)
    expect(histogram).toMatchObject({ counts: [2, 1, 1, 1], count: 5, sum: 105.5 })
  })
})
