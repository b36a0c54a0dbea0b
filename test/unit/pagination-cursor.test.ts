import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HttpError } from '../../src/runtime/server/request/errors'
import type { CursorBinding, Position } from '../../src/runtime/server/pagination/cursor'
import { createCursors } from '../../src/runtime/server/pagination/cursor'
import { paginateWith } from '../../src/runtime/server/pagination/paginate'
import type { KeysetPage } from '../../src/runtime/server/pagination/types'
import { createTable } from '../support/table'

const base: CursorBinding = {
  key: Buffer.alloc(32, 1),
  scope: 'acme',
  name: 'Product',
  columns: [{ column: 'price', direction: 'desc', nulls: undefined }, { column: 'id', direction: 'desc', nulls: undefined }],
}
const place: Position = { side: 'after', inclusive: false, values: [1.5, 7] }

function refusal(cursor: string, binding: CursorBinding = base): string {
  try {
    createCursors(binding).read(cursor)
  }
  catch (error) {
    expect(error).toBeInstanceOf(HttpError)
    return `${(error as HttpError).statusCode} ${(error as HttpError).message}`
  }
  return 'accepted'
}

describe('a cursor', () => {
  const cursor = createCursors(base).write(place)

  it('leads to the place that it was made for', () => {
    expect(cursor).toMatch(/^[\w-]+$/)
    for (const side of ['after', 'before'] as const) {
      for (const inclusive of [true, false]) {
        const position: Position = { side, inclusive, values: [1.5, 7] }
        expect(createCursors(base).read(createCursors(base).write(position))).toEqual(position)
      }
    }
  })

  it('brings every value back as it was', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }).filter(text => text.isWellFormed()),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => number + 0),
      fc.bigInt(),
      fc.date({ noInvalidDate: true }),
      fc.boolean(),
      fc.constant(null),
      fc.string().map(text => `["date","${text}"]`),
    )
    const cursors = createCursors(base)
    fc.assert(fc.property(value, fc.integer(), (one, id) => {
      expect(cursors.read(cursors.write({ ...place, values: [one, id] })).values).toEqual([one, id])
    }), { numRuns: 2000 })
  })

  it('keeps every digit of a decimal', async () => {
    const { Decimal } = await import('@prisma/client/runtime/client')
    const cursors = createCursors(base)
    for (const text of ['12345678901234567890.123456789', '-0.000000000000000000001', '1000000000000000000000000000000']) {
      expect(cursors.read(cursors.write({ ...place, values: [new Decimal(text), 1] })).values[0]).toBe(text)
    }
    expect(() => cursors.write({ ...place, values: [new Decimal('NaN'), 1] })).toThrow('cannot sort by price')
  })

  it.each<[string, Partial<CursorBinding>]>([
    ['secret', { key: Buffer.alloc(32, 2) }],
    ['tenant', { scope: 'globex' }],
    ['list', { name: 'Order' }],
    ['column', { columns: [{ ...base.columns[0]!, column: 'cost' }, base.columns[1]!] }],
    ['direction', { columns: [{ ...base.columns[0]!, direction: 'asc' }, base.columns[1]!] }],
    ['place of nulls', { columns: [{ ...base.columns[0]!, nulls: 'first' }, base.columns[1]!] }],
    ['number of columns', { columns: [base.columns[0]!] }],
  ])('of another %s is refused', (_, other) => {
    expect(refusal(cursor)).toBe('accepted')
    expect(refusal(cursor, { ...base, ...other })).toBe('400 The query parameter cursor is not valid for this list: it was changed, it has expired, or it belongs to another sort order, list or tenant. Start again without it.')
  })

  it('holds no part of a neighbour in what it is bound to', () => {
    const made = createCursors({ ...base, scope: 'a","b', name: 'c' }).write(place)
    expect(refusal(made, { ...base, scope: 'a', name: 'b","c' })).toMatch(/^400/)
  })

  it('is refused when any of its bits or characters is changed', () => {
    for (let index = 0; index < cursor.length; index++) {
      const other = cursor[index] === 'A' ? 'B' : 'A'
      expect(refusal(cursor.slice(0, index) + other + cursor.slice(index + 1))).toMatch(/^400/)
    }
    const bytes = Buffer.from(cursor, 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = Buffer.from(bytes)
      altered[bit >> 3]! ^= 1 << (bit & 7)
      expect(refusal(altered.toString('base64url'))).toMatch(/^400/)
    }
    for (const other of [cursor.slice(1), cursor.slice(0, -1), cursor + cursor, `${cursor}=`, `${cursor}A`, ` ${cursor}`, cursor.slice(0, 43), 'A', '']) expect(refusal(other)).toMatch(/^400/)
  })

  it('is a 400 or a page, whatever the client passes', async () => {
    const query = createTable(Array.from({ length: 9 }, (_, id) => ({ id, price: id % 3 })))
    const read = (search: string) => paginateWith({ key: () => base.key, scope: () => '' }, { path: `/api/list?${search}` }, query, { orderBy: { price: 'asc' }, limit: 4 }) as Promise<KeysetPage<unknown>>
    const real = (await read('')).pageInfo.endCursor!
    const text = fc.oneof(
      fc.string(),
      fc.base64String().map(encoded => encoded.replace(/[+/=]/g, '-')),
      fc.tuple(fc.nat(real.length), fc.nat(real.length), fc.string({ maxLength: 3 })).map(([from, to, put]) => real.slice(0, from) + put + real.slice(to)),
    )
    await fc.assert(fc.asyncProperty(text, async (cursor) => {
      const outcome = await read(`cursor=${encodeURIComponent(cursor)}`).catch((error: HttpError) => error)
      if (outcome instanceof Error) expect(outcome).toMatchObject({ statusCode: 400 })
      else expect(cursor).toBe(real)
    }), { numRuns: 2000 })
  })

  it('of one tenant or secret is refused for another by the list', async () => {
    const query = createTable([1, 2, 3].map(id => ({ id })))
    const read = (scope: string, key: Buffer, search = '') => paginateWith({ key: () => key, scope: () => scope }, { path: `/api/list${search}` }, query, { limit: 1 }) as Promise<KeysetPage<unknown>>
    const { pageInfo } = await read('acme', base.key)
    const search = `?cursor=${pageInfo.endCursor}`
    await expect(read('acme', base.key, search)).resolves.toMatchObject({ items: [{ id: 2 }] })
    await expect(read('globex', base.key, search)).rejects.toMatchObject({ statusCode: 400 })
    await expect(read('acme', Buffer.alloc(32, 9), search)).rejects.toMatchObject({ statusCode: 400 })
  })
})
