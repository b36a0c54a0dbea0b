import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HttpError } from '../../src/runtime/server/request/errors'
import type { PaginationOptions } from '../../src/runtime/server/pagination/options'
import { resolveBounds } from '../../src/runtime/server/pagination/options'
import type { PageMode } from '../../src/runtime/server/pagination/request'
import { parsePageRequest } from '../../src/runtime/server/pagination/request'

function request(query: string, options: PaginationOptions = {}, mode: PageMode = 'either') {
  return parsePageRequest(`/api/products${query}`, resolveBounds(options, 'paginate()'), mode)
}

function refusal(query: string, options: PaginationOptions = {}, mode: PageMode = 'either'): string {
  try {
    request(query, options, mode)
  }
  catch (error) {
    expect(error).toBeInstanceOf(HttpError)
    return `${(error as HttpError).statusCode} ${(error as HttpError).message}`
  }
  return 'accepted'
}

describe('what a request asks for', () => {
  it('is the first page of twenty when it says nothing', () => {
    expect(request('')).toEqual({ page: 1, limit: 20, skip: 0, take: 20 })
    expect(request('?search=lamp')).toEqual({ page: 1, limit: 20, skip: 0, take: 20 })
  })

  it('is the page that it names', () => {
    expect(request('?page=3&limit=10')).toEqual({ page: 3, limit: 10, skip: 20, take: 10 })
    expect(request('?limit=100')).toMatchObject({ limit: 100 })
    expect(request('?limit=50', { limit: 10, maxLimit: 50 })).toMatchObject({ limit: 50 })
    expect(request('', { maxLimit: 5 })).toMatchObject({ limit: 5 })
  })

  it('is what the cursor names', () => {
    expect(request('?cursor=abc_-9&limit=5')).toEqual({ page: 1, limit: 5, skip: 0, take: 5, cursor: 'abc_-9' })
  })

  it.each(['0', '-1', '1.5', '1e2', '1e9', 'NaN', 'Infinity', '', '%20', '+5', '05', '0x10', 'ten', '9'.repeat(400), '５', '101', '1%00'])('is no limit of %j', (value) => {
    expect(refusal(`?limit=${value}`)).toBe('400 The query parameter limit is out of range: write a whole number from 1 to 100.')
  })

  it.each(['0', '-1', '1.5', '1e9', 'NaN', '', '502', '9'.repeat(400)])('is no page of %j', (value) => {
    expect(refusal(`?page=${value}`)).toBe('400 The query parameter page is out of range: write a whole number from 1 to 501 (with 20 rows per page); to continue, send a cursor (pageInfo.endCursor) instead of a page.')
  })

  it('skips ten thousand rows at most', () => {
    expect(request('?page=501')).toMatchObject({ skip: 10_000 })
    expect(request('?page=101&limit=100')).toMatchObject({ skip: 10_000 })
    expect(refusal('?page=102&limit=100')).toContain('from 1 to 101 (with 100 rows per page)')
    expect(refusal('?page=2', { maxOffset: 0 })).toContain('from 1 to 1 ')
    expect(refusal('?page=502', {}, 'offset')).toContain('to see other rows, narrow the search')
  })

  it.each(['page', 'limit', 'cursor'])('names %s once', (name) => {
    expect(refusal(`?${name}=1&${name}=1`)).toBe(`400 The query parameter ${name} appears more than once: send it once.`)
  })

  it.each(['', 'a.b', 'a=', 'a%20b', 'a/b', 'é', 'a'.repeat(2049)])('is no cursor of %j', (value) => {
    expect(refusal(`?cursor=${value}`)).toMatch(/^400 The query parameter cursor is malformed/)
  })

  it('is either a page or a cursor, and one that the list takes', () => {
    expect(refusal('?cursor=abc&page=1')).toContain('cannot be combined with page')
    expect(refusal('?cursor=abc', {}, 'offset')).toContain('cursor is not supported by this list')
    expect(refusal('?page=1', {}, 'keyset')).toContain('page is not supported by this list')
  })

  it('is a page within the bounds or a 400, whatever the query', () => {
    const value = fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String), fc.constantFrom('1', '20', '100', '-5', '1e9', ''))
    const pair = fc.tuple(fc.constantFrom('page', 'limit', 'cursor', 'search', 'limit[]', '__proto__'), value, fc.boolean())
    fc.assert(fc.property(fc.array(pair, { maxLength: 5 }), (pairs) => {
      const query = `?${pairs.map(([name, text, raw]) => `${name}=${raw ? text : encodeURIComponent(text.toWellFormed())}`).join('&')}`
      const outcome = refusal(query)
      if (outcome !== 'accepted') return void expect(outcome).toMatch(/^400 The query parameter (?:page|limit|cursor) /)
      const { page, limit, skip, take, cursor } = request(query)
      expect([page, limit, skip].every(Number.isSafeInteger)).toBe(true)
      expect(limit >= 1 && limit <= 100 && skip >= 0 && skip <= 10_000 && take === limit && skip === (page - 1) * limit).toBe(true)
      expect(cursor === undefined || /^[\w-]{1,2048}$/.test(cursor)).toBe(true)
    }), { numRuns: 2000 })
  })
})

describe('bounds that make no sense', () => {
  it.each([
    [{ limit: 0 }, 'limit of paginate() is 0'],
    [{ limit: 1.5 }, 'limit of paginate() is 1.5'],
    [{ limit: 200 }, 'limit of paginate() is 200, which is above maxLimit (100)'],
    [{ maxLimit: Number.NaN }, 'maxLimit of paginate() is null'],
    [{ maxOffset: -1 }, 'maxOffset of paginate() is -1'],
  ])('%j is refused', (options, message) => {
    expect(() => resolveBounds(options, 'paginate()')).toThrow(message)
  })
})
