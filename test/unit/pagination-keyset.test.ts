import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { paginateWith } from '../../src/runtime/server/pagination/paginate'
import type { KeysetPage, PageOptions, PageQuery } from '../../src/runtime/server/pagination/types'
import { createTable } from '../support/table'
import type { TableRow } from '../support/table'

type Options = PageOptions & { where?: object, orderBy?: unknown, select?: object, omit?: object }

const context = { key: () => Buffer.alloc(32, 1), scope: () => '' }

function read(query: PageQuery, options: Options, cursor?: string | null) {
  return paginateWith(context, { path: cursor ? `/api/list?cursor=${cursor}` : '/api/list' }, query, options) as Promise<KeysetPage<TableRow>>
}

/** Follows the cursors to one end of the list. `between` runs after every page but the last. */
async function walk(query: PageQuery, options: Options, side: 'next' | 'previous', from?: string | null, between?: () => void): Promise<{ rows: TableRow[], last: KeysetPage<TableRow> }> {
  const rows: TableRow[] = []
  let cursor = from
  for (let pages = 0; pages < 500; pages++) {
    const page = await read(query, options, cursor)
    if (side === 'next') rows.push(...page.items)
    else rows.unshift(...page.items)
    const goesOn = side === 'next' ? page.pageInfo.hasNextPage : page.pageInfo.hasPreviousPage
    if (!goesOn) return { rows, last: page }
    cursor = side === 'next' ? page.pageInfo.endCursor : page.pageInfo.startCursor
    between?.()
  }
  throw new Error('The walk does not end.')
}

const ids = (rows: TableRow[]) => rows.map(row => row.id)

/** Few values, so that many rows are equal. */
const columns = {
  name: fc.constantFrom('a', 'b', 'ß', 'é"'),
  price: fc.constantFrom(-1.5, 0, 0.1, 7),
  views: fc.constantFrom(0n, 5n, 2n ** 60n),
  createdAt: fc.constantFrom(0, 1, 1_700_000_000_123).map(time => new Date(time)),
  active: fc.boolean(),
  soldAt: fc.option(fc.constantFrom(5, 6).map(time => new Date(time)), { nil: null }),
  rank: fc.option(fc.boolean(), { nil: null }),
}
const table = fc.array(fc.record(columns), { maxLength: 40 }).chain(rows => fc.shuffledSubarray(rows.map((_, index) => index), { minLength: rows.length }).map(order => order.map((id, index) => ({ ...rows[index]!, id }))))
const nullable = ['soldAt', 'rank']
const orderBy = fc.shuffledSubarray([...Object.keys(columns), 'id'], { maxLength: 4 }).chain(names => fc.tuple(...names.map(name => fc.record({
  sort: fc.constantFrom('asc', 'desc'),
  nulls: fc.constantFrom('first', 'last'),
}).map(order => ({ [name]: nullable.includes(name) ? order : order.sort })))))

describe('walking a list by its cursors', () => {
  it('gives every row once, in order, forwards and backwards', async () => {
    await fc.assert(fc.asyncProperty(table, orderBy, fc.integer({ min: 1, max: 7 }), fc.boolean(), async (rows, order, limit, filtered) => {
      const query = createTable(rows)
      const where = filtered ? { OR: [{ name: 'a' }, { price: { lt: 5 } }] } : undefined
      const options = { where, orderBy: order, limit }
      const key = { id: Object.values(order.at(-1) ?? { id: 'asc' })[0] as string | { sort: string } }
      const sorted = ids(await query.findMany({ where, orderBy: [...order, typeof key.id === 'object' ? { id: key.id.sort } : key] }))
      const forwards = await walk(query, options, 'next')
      expect(ids(forwards.rows)).toEqual(sorted)
      const { items, pageInfo } = forwards.last
      expect(pageInfo.hasPreviousPage).toBe(sorted.length > limit)
      const backwards = pageInfo.startCursor ? (await walk(query, options, 'previous', pageInfo.startCursor)).rows : []
      expect(ids([...backwards, ...items])).toEqual(sorted)
    }), { numRuns: 300 })
  }, 60_000)

  it('neither loses nor doubles a row that stays, while others come and go', async () => {
    const changes = fc.infiniteStream(fc.record({ ...columns, remove: fc.nat(), add: fc.boolean() }))
    await fc.assert(fc.asyncProperty(table, orderBy, fc.integer({ min: 1, max: 5 }), changes, async (rows, order, limit, stream) => {
      const query = createTable([...rows])
      let stayed = ids(rows)
      let nextId = 1000
      const change = () => {
        const { remove, add, ...row } = stream.next().value
        // New rows stop coming, else a walk towards them may never end.
        if (add && nextId < 1030) query.rows.push({ ...row, id: nextId++ })
        const [gone] = query.rows.splice(remove % (query.rows.length + 1), 1)
        stayed = stayed.filter(id => id !== gone?.id)
      }
      const options = { orderBy: order, limit }
      const forwards = await walk(query, options, 'next', undefined, change)
      const seen = ids(forwards.rows)
      expect(new Set(seen).size).toBe(seen.length)
      expect(stayed.filter(id => !seen.includes(id))).toEqual([])
      if (!forwards.last.pageInfo.startCursor) return
      // All pages of the way back, and the page that it started from.
      change()
      const backwards = await walk(query, options, 'previous', forwards.last.pageInfo.startCursor, change)
      const seenAgain = ids([...backwards.rows, ...forwards.last.items])
      expect(new Set(seenAgain).size).toBe(seenAgain.length)
      expect(stayed.filter(id => !seenAgain.includes(id))).toEqual([])
    }), { numRuns: 300 })
  }, 60_000)

  it('goes on where the row of the cursor is gone', async () => {
    const query = createTable([1, 2, 3, 4].map(id => ({ id })))
    const { pageInfo } = await read(query, { limit: 2 })
    query.rows.splice(1, 1)
    expect(ids((await read(query, { limit: 2 }, pageInfo.endCursor)).items)).toEqual([3, 4])
  })

  it('keeps its place at an empty end, from which both ways lead on', async () => {
    const query = createTable([1, 2, 3, 4].map(id => ({ id })))
    const first = await read(query, { limit: 4 })
    const end = await read(query, { limit: 2 }, first.pageInfo.endCursor)
    expect(end).toMatchObject({ items: [], pageInfo: { hasNextPage: false, hasPreviousPage: true } })
    expect(ids((await read(query, { limit: 2 }, end.pageInfo.startCursor)).items)).toEqual([3, 4])
    query.rows.push({ id: 5 })
    expect(ids((await read(query, { limit: 2 }, end.pageInfo.endCursor)).items)).toEqual([5])

    const start = await read(query, { limit: 2 }, first.pageInfo.startCursor)
    expect(start).toMatchObject({ items: [], pageInfo: { hasNextPage: true, hasPreviousPage: false } })
    expect(ids((await read(query, { limit: 2 }, start.pageInfo.endCursor)).items)).toEqual([1, 2])
    query.rows.push({ id: 0 })
    expect(ids((await read(query, { limit: 2 }, start.pageInfo.startCursor)).items)).toEqual([0])
  })

  it('of nothing has no cursors', async () => {
    expect(await read(createTable([]), {})).toEqual({ items: [], pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null } })
  })

  it('settles equal rows by a key of several columns', async () => {
    const query = createTable([1, 2, 3].flatMap(productId => ['x', 'y'].map(label => ({ productId, label, price: 1 }))))
    const { rows } = await walk(query, { orderBy: { price: 'desc' }, key: ['productId', 'label'], limit: 1 }, 'next')
    expect(rows.map(({ productId, label }) => `${productId}${label}`)).toEqual(['3y', '3x', '2y', '2x', '1y', '1x'])
  })

  it('reads the sort columns without handing them out', async () => {
    const query = createTable([1, 2, 3].map(id => ({ id, name: `n${id}`, price: -id })))
    const { rows } = await walk(query, { orderBy: { price: 'asc' }, select: { name: true }, limit: 1 }, 'next')
    expect(rows).toEqual([{ name: 'n3' }, { name: 'n2' }, { name: 'n1' }])
  })

  it('counts when it is asked to', async () => {
    const query = createTable([1, 2, 3].map(id => ({ id })))
    expect(await read(query, { limit: 2, total: true, where: { id: { gt: 1 } } })).toMatchObject({ pagination: { limit: 2, total: 2, totalPages: 1 } })
  })
})

describe('an order that a cursor cannot follow', () => {
  const query = createTable([{ id: 1, name: null }, { id: 2, name: 'b' }])

  it.each([
    [{ shop: { name: 'asc' } }, 'orderBy.shop of paginate() must be'],
    [{ tags: { _count: 'asc' } }, 'orderBy.tags of paginate() must be'],
    [{ name: 'up' }, 'orderBy.name of paginate() must be'],
    [{ name: 'asc', id: 'asc' }, 'orderBy of paginate() contains name and id in one object'],
    [{ missing: 'asc' }, 'paginate() sorts by missing, but a row does not contain it'],
    [{ name: 'asc' }, 'paginate() found a row in which the sort column name is null'],
  ])('%j is refused', async (orderBy, message) => {
    await expect(read(query, { orderBy, limit: 1 })).rejects.toThrow(message)
    await expect(read(query, { orderBy, limit: 2 })).rejects.toThrow(message)
  })

  it.each([{ a: 1 }, Number.NaN, new Date(Number.NaN), [1], Buffer.from('a')])('is one along values such as %o', async (value) => {
    await expect(read(createTable([{ id: 1, value }]), { orderBy: { value: 'asc' } })).rejects.toThrow('paginate() cannot sort by value')
  })

  it('is one along texts that no address can hold', async () => {
    await expect(read(createTable([{ id: 1, text: 'a'.repeat(2000) }]), { orderBy: { text: 'asc' } })).rejects.toThrow('too long for a cursor (text, id)')
  })

  it('is one that comes back to where it started', async () => {
    const stuck: PageQuery = { findMany: async () => [{ id: 1, at: new Date(5) }, { id: 2, at: new Date(6) }] }
    const { pageInfo } = await read(stuck, { orderBy: { at: 'asc' }, limit: 1 })
    await expect(read(stuck, { orderBy: { at: 'asc' }, limit: 1 }, pageInfo.endCursor)).rejects.toThrow('more digits than JavaScript can')
  })

  it.each([['take', 5], ['skip', 5], ['cursor', { id: 1 }], ['distinct', ['name']]])('has no %s', async (option, value) => {
    await expect(read(query, { [option]: value } as never)).rejects.toThrow(`paginate() does not support the argument ${option}`)
  })

  it('has a mode and a key', async () => {
    await expect(read(query, { mode: 'pages' } as never)).rejects.toThrow('mode of paginate() is "pages"')
    await expect(read(query, { key: [] })).rejects.toThrow('key of paginate() is empty')
  })
})
