import { describe, expect, it } from 'vitest'
import { mergeVary, storageLimitsOf } from '../../src/runtime/server/cache/nitro/cacheability'
import { isNotModified } from '../../src/runtime/server/request/conditional'
import { resolveLifetime } from '../../src/runtime/server/cache/nitro/lifetime'
import { routeCacheControl } from '../../src/runtime/server/request/shared-lifetime'
import { responseSerializer } from '../../src/runtime/server/cache/nitro/response'

const early = 'Mon, 05 Jan 2026 00:00:00 GMT'
const late = 'Tue, 06 Jan 2026 00:00:00 GMT'

describe('conditional requests (RFC 9110 §13)', () => {
  it.each([
    ['the same tag', { ifNoneMatch: '"a"' }, true],
    ['another tag', { ifNoneMatch: '"b"' }, false],
    ['a weakened tag', { ifNoneMatch: 'W/"a"' }, true],
    ['a list with the tag', { ifNoneMatch: '"x", W/"a"' }, true],
    ['a list without it', { ifNoneMatch: '"x", "y"' }, false],
    ['a tag that holds a comma', { ifNoneMatch: '"x,a"' }, false],
    ['any tag', { ifNoneMatch: '*' }, true],
    ['another tag with a later date: the tag decides', { ifNoneMatch: '"b"', ifModifiedSince: late }, false],
    ['the same tag with an earlier date: the tag decides', { ifNoneMatch: '"a"', ifModifiedSince: 'Mon, 05 Jan 2015 00:00:00 GMT' }, true],
    ['the same date', { ifModifiedSince: early }, true],
    ['a later date', { ifModifiedSince: late }, true],
    ['an earlier date', { ifModifiedSince: 'Mon, 05 Jan 2015 00:00:00 GMT' }, false],
    ['no date at all', { ifModifiedSince: 'yesterday' }, false],
    ['no condition', {}, false],
  ])('%s', (_, conditions, expected) => {
    expect(isNotModified(conditions, { etag: '"a"', lastModified: early })).toBe(expected)
  })

  it('compare a weak tag of the server too', () => {
    expect(isNotModified({ ifNoneMatch: '"a"' }, { etag: 'W/"a"' })).toBe(true)
  })
})

describe('what may be stored', () => {
  it.each([
    [200, {}, true],
    [204, {}, false],
    [204, { 'cache-control': 'max-age=5' }, true],
    [302, { 'cache-control': 'public' }, true],
    [304, { 'cache-control': 'max-age=5' }, false],
    [404, {}, false],
    [200, { 'set-cookie': ['a=1'] }, false],
    [200, { 'cache-control': 'private, max-age=5' }, false],
    [200, { 'cache-control': 'no-store' }, false],
    [200, { 'cache-control': 'No-Cache="x"' }, false],
    [200, { 'cache-control': 'public, max-age=5' }, true],
    [200, { vary: 'Accept-Encoding' }, true],
    [200, { vary: 'X-Plan, Accept-Encoding' }, true],
    [200, { vary: 'Cookie' }, false],
    [200, { vary: '*' }, false],
  ])('%i %o', (status, headers, expected) => {
    expect(storageLimitsOf(status, headers as Record<string, string>, ['x-plan']) !== undefined).toBe(expected)
  })

  const now = Date.parse(late)
  it.each<[Record<string, string>, number, number]>([
    [{}, Infinity, Infinity],
    [{ 'cache-control': 'max-age=60' }, 60, Infinity],
    [{ 'cache-control': 'max-age=60, s-maxage=90' }, 90, 0],
    [{ 'cache-control': 's-maxage=90, stale-while-revalidate=7' }, 90, 7],
    [{ 'cache-control': 'max-age=60, proxy-revalidate', 'age': '20' }, 40, 0],
    [{ 'cache-control': 'a="max-age=1, b", MAX-AGE="5", max-age=9' }, 5, Infinity],
    [{ expires: 'Tue, 06 Jan 2026 00:01:00 GMT' }, 60, Infinity],
    [{ expires: late, date: early }, 86_400, Infinity],
    [{ 'expires': '0', 'cache-control': 'max-age=3' }, 3, Infinity],
  ])('%o: fresh for %d s, then stale for %d s', (headers, fresh, stale) => {
    expect(storageLimitsOf(200, headers, [], undefined, now)).toEqual({ fresh, stale })
  })

  it('Vary is one list', () => {
    expect(mergeVary([undefined, 'Origin'], ['x-plan'])).toBe('origin, x-plan')
    expect(mergeVary([undefined], [])).toBeUndefined()
  })
})

describe('lifetime', () => {
  it.each([
    [{}, { fresh: 1, stale: 86_400 }],
    [{ maxAge: 60 }, { fresh: 60, stale: 86_400 }],
    [{ maxAge: 60, staleMaxAge: 10 }, { fresh: 60, stale: 10 }],
    [{ maxAge: 60, staleMaxAge: 0 }, { fresh: 60, stale: 0 }],
    [{ maxAge: 60, staleMaxAge: -1 }, { fresh: 60, stale: 86_400 }],
    [{ maxAge: 60, staleMaxAge: Number.POSITIVE_INFINITY }, { fresh: 60, stale: 86_400 }],
    [{ maxAge: 60, swr: false, staleMaxAge: 10 }, { fresh: 60, stale: 0 }],
    [{ maxAge: 0 }, undefined],
  ])('%o', (options, expected) => {
    expect(resolveLifetime(options, 86_400)).toEqual(expected)
  })

  it('always has an end', () => {
    expect(resolveLifetime({ maxAge: Number.POSITIVE_INFINITY }, 5)).toEqual({ fresh: 315_360_000, stale: 5 })
  })

  it('says so to caches', () => {
    expect(routeCacheControl({ fresh: 60.5, stale: 30 })).toBe('max-age=0, s-maxage=60')
  })
})

describe('stored responses', () => {
  const head = { status: 200, headers: { 'content-type': 'text/plain', 'x-list': ['a', 'b'] }, time: 5, integrity: 'i' }
  const roundTrip = (body: Buffer | null) => responseSerializer.decode(Buffer.from(responseSerializer.encode({ ...head, body }) as Uint8Array))

  it('keep every byte', () => {
    const body = Buffer.from([0, 10, 255, 13, 10, 128, 123])
    expect(roundTrip(body)).toEqual({ ...head, body })
  })

  it('tell no body from an empty one', () => {
    expect(roundTrip(null)).toEqual({ ...head, body: null })
    expect(roundTrip(Buffer.alloc(0))).toEqual({ ...head, body: Buffer.alloc(0) })
  })

  it('are one line of JSON and the raw body', () => {
    const text = responseSerializer.encode({ ...head, body: Buffer.from('{"price":"5"}') }).toString()
    expect(text.split('\n')[1]).toBe('{"price":"5"}')
  })

  it('without a header line are refused', () => {
    expect(() => responseSerializer.decode(Buffer.from('x'))).toThrow('header line')
  })
})
