import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPrismaClient } from '../../src/prisma'
import { paginateWith } from '../../src/runtime/server/pagination/paginate'
import type { KeysetPage, OffsetPage, PageOptions, PageQuery } from '../../src/runtime/server/pagination/types'
import { startPostgres } from '../support/postgres'
import type { PostgresServer } from '../support/postgres'
import { generatePrisma } from '../support/prisma'

interface Row {
  id: number
  name: string
  price: { toFixed: () => string }
  soldAt: Date | null
  shop?: { name: string } | null
}

type Options = PageOptions & { where?: object, orderBy?: unknown, select?: object, include?: object, omit?: object }

/** What the tests use of the generated client. */
interface PrismaLike {
  product: { createMany: (args: { data: object[] }) => Promise<unknown>, deleteMany: (args: object) => Promise<unknown>, findMany: (args: object) => Promise<Row[]>, count: () => Promise<number> }
  tag: PageQuery & { createMany: (args: { data: object[] }) => Promise<unknown> }
  $on: (event: 'query', listener: (event: { query: string, params: string }) => void) => void
  $transaction: <T>(work: (transaction: PrismaLike) => Promise<T>) => Promise<T>
  $executeRawUnsafe: (sql: string) => Promise<number>
  $queryRawUnsafe: <T>(sql: string, ...values: unknown[]) => Promise<T>
  $disconnect: () => Promise<void>
}

const tables = `
  create type "Grade" as enum ('low', 'high');
  create table "Shop" (id serial primary key, name text not null);
  create table "Product" (id serial primary key, name text not null, category text not null, price numeric(30, 12) not null, views bigint not null,
    "createdAt" timestamp(3) not null, "soldAt" timestamp(3), active boolean not null, grade "Grade" not null default 'low', details jsonb,
    "shopId" integer references "Shop");
  create table "Tag" ("productId" integer not null references "Product" on delete cascade, label text not null, primary key ("productId", label));
  create index on "Product" (price, id)`

let server: PostgresServer
let prisma: PrismaLike
const queries: string[] = []

beforeAll(async () => {
  const { PrismaClient } = await import(await generatePrisma('test/fixtures/pagination')) as { PrismaClient: new (options: never) => PrismaLike }
  server = await startPostgres()
  await server.query(`set role app; ${tables}`, 'app')
  prisma = createPrismaClient(PrismaClient, { url: server.url() }, { log: [{ emit: 'event', level: 'query' }] } as never)
  prisma.$on('query', ({ query }) => queries.push(query))
}, 120_000)

beforeEach(async () => {
  await prisma.$executeRawUnsafe('truncate "Product", "Shop", "Tag" restart identity')
  queries.length = 0
})

afterAll(async () => {
  await prisma?.$disconnect()
  await server?.stop()
})

function read<Page = KeysetPage<Row>>(options: Options, search = '', query: PageQuery = prisma.product): Promise<Page> {
  return paginateWith({ key: () => Buffer.alloc(32, 1), scope: () => '' }, { path: `/api/products${search}` }, query, options) as Promise<Page>
}

async function walk(options: Options, side: 'next' | 'previous', from?: string | null, between: () => Promise<unknown> = async () => {}): Promise<{ ids: number[], last: KeysetPage<Row> }> {
  const ids: number[] = []
  for (let cursor = from, pages = 0; pages < 200; pages++) {
    const page: KeysetPage<Row> = await read(options, cursor ? `?cursor=${cursor}` : '')
    const found = page.items.map(({ id }) => id)
    if (side === 'next') ids.push(...found)
    else ids.unshift(...found)
    if (!(side === 'next' ? page.pageInfo.hasNextPage : page.pageInfo.hasPreviousPage)) return { ids, last: page }
    cursor = side === 'next' ? page.pageInfo.endCursor : page.pageInfo.startCursor
    await between()
  }
  throw new Error('The walk does not end.')
}

const values = fc.record({
  name: fc.constantFrom('a', 'B', 'ß', 'zz'),
  category: fc.constantFrom('x', 'y'),
  price: fc.constantFrom('0.000000000001', '123456789012345678.000000000001', '123456789012345678.000000000002', '-5'),
  views: fc.constantFrom(0n, 2n ** 60n, 2n ** 60n + 1n, -3n),
  createdAt: fc.constantFrom(0, 1_700_000_000_123, 1_700_000_000_124).map(time => new Date(time)),
  soldAt: fc.option(fc.constantFrom(1, 2).map(time => new Date(time)), { nil: null }),
  active: fc.boolean(),
})
const products = fc.array(values, { minLength: 1, maxLength: 25 })
const orderBy = fc.shuffledSubarray(['name', 'category', 'price', 'views', 'createdAt', 'soldAt', 'active', 'id'], { maxLength: 3 })
  .chain(columns => fc.tuple(...columns.map(column => fc.record({ sort: fc.constantFrom('asc', 'desc'), nulls: fc.constantFrom('first', 'last') })
    .map(order => ({ [column]: column === 'soldAt' ? order : order.sort })))))

/** The key runs as the last column does. */
function withId(order: object[]): object[] {
  const last = Object.values(order.at(-1) ?? { id: 'asc' })[0] as string | { sort: string }
  return [...order, { id: typeof last === 'string' ? last : last.sort }]
}

describe('a keyset on PostgreSQL', () => {
  it('gives every row once, in the order of the database, forwards and backwards', async () => {
    await fc.assert(fc.asyncProperty(products, orderBy, fc.integer({ min: 1, max: 6 }), async (rows, order, limit) => {
      await prisma.$executeRawUnsafe('truncate "Product" restart identity cascade')
      await prisma.product.createMany({ data: rows })
      const options = { orderBy: order, limit, where: { OR: [{ category: 'x' }, { active: true }] } }
      const sorted = (await prisma.product.findMany({ where: options.where, orderBy: withId(order) })).map(({ id }) => id)
      const forwards = await walk(options, 'next')
      expect(forwards.ids).toEqual(sorted)
      const { items, pageInfo } = forwards.last
      if (!pageInfo.startCursor) return
      const backwards = await walk(options, 'previous', pageInfo.startCursor)
      expect([...backwards.ids, ...items.map(({ id }) => id)]).toEqual(sorted)
    }), { numRuns: 40 })
  })

  it('neither loses nor doubles a row that stays, while others come and go', async () => {
    const changes = fc.array(fc.record({ row: values, remove: fc.nat({ max: 40 }) }), { minLength: 30, maxLength: 30 })
    await fc.assert(fc.asyncProperty(products, orderBy, fc.integer({ min: 1, max: 4 }), changes, async (rows, order, limit, steps) => {
      await prisma.$executeRawUnsafe('truncate "Product" restart identity cascade')
      await prisma.product.createMany({ data: rows })
      const removed = new Set<number>()
      const { ids } = await walk({ orderBy: order, limit }, 'next', undefined, async () => {
        const step = steps.pop()
        if (!step) return
        removed.add(step.remove)
        await prisma.product.deleteMany({ where: { id: step.remove } })
        await prisma.product.createMany({ data: [step.row] })
      })
      expect(new Set(ids).size).toBe(ids.length)
      expect(rows.map((_, index) => index + 1).filter(id => !removed.has(id) && !ids.includes(id))).toEqual([])
    }), { numRuns: 25 })
  })

  it('goes on where the row of the cursor is gone', async () => {
    await prisma.product.createMany({ data: [1, 2, 3, 4].map(id => product(id)) })
    const { pageInfo } = await read({ limit: 2 })
    await prisma.product.deleteMany({ where: { id: 2 } })
    expect((await read({ limit: 2 }, `?cursor=${pageInfo.endCursor}`)).items.map(({ id }) => id)).toEqual([3, 4])
  })

  it('asks for one row more than a page, in one query', async () => {
    await prisma.product.createMany({ data: [1, 2, 3, 4].map(id => product(id)) })
    const first = await read({ limit: 2 })
    queries.length = 0
    await read({ limit: 2 }, `?cursor=${first.pageInfo.endCursor}`)
    expect(queries).toHaveLength(1)
  })

  it('finds its place by the index, however far down it is', async () => {
    await prisma.$executeRawUnsafe(`insert into "Product" (name, category, price, views, "createdAt", active) select 'n', 'x', n / 10, 0, now(), true from generate_series(1, 50000) as n`)
    await prisma.$executeRawUnsafe('analyze "Product"')
    let sql = ''
    let params: unknown[] = []
    const listener = (event: { query: string, params: string }) => {
      sql = event.query
      params = JSON.parse(event.params) as unknown[]
    }
    prisma.$on('query', listener)
    const { pageInfo } = await read({ orderBy: { price: 'asc' }, limit: 10, where: { price: { gte: 4900 } } })
    // The same order without the filter takes the same cursor.
    const { items } = await read({ orderBy: { price: 'asc' }, limit: 10 }, `?cursor=${pageInfo.endCursor}`)
    expect(items).toHaveLength(10)
    const plan = await prisma.$queryRawUnsafe<{ 'QUERY PLAN': string }[]>(`explain (analyze, timing off) ${sql.replace(/\$(\d+)/g, (_, index: string) => literal(params[Number(index) - 1]))}`)
    const text = plan.map(row => row['QUERY PLAN']).join('\n')
    expect(text).toMatch(/Index Cond: .*price/)
    expect(Number(/Rows Removed by Filter: (\d+)/.exec(text)?.[1] ?? 0)).toBeLessThan(50)
  })

  it('reads the sort columns without handing them out, and keeps select, include and omit', async () => {
    await prisma.$executeRawUnsafe(`insert into "Shop" (name) values ('corner')`)
    await prisma.product.createMany({ data: [1, 2].map(id => ({ ...product(id), shopId: 1 })) })
    expect((await read({ orderBy: { price: 'asc' }, select: { name: true, shop: { select: { name: true } } }, limit: 1 })).items).toEqual([{ name: 'product 1', shop: { name: 'corner' } }])
    const { items: [omitted] } = await read({ orderBy: { price: 'asc' }, omit: { price: true, id: true } })
    expect(omitted).toMatchObject({ name: 'product 1' })
    expect(omitted).not.toHaveProperty('price')
    expect(omitted).not.toHaveProperty('id')
    expect((await read({ include: { shop: true } })).items[0]!.shop).toMatchObject({ name: 'corner' })
  })

  it('walks a key of two columns', async () => {
    await prisma.product.createMany({ data: [1, 2].map(id => product(id)) })
    await prisma.tag.createMany({ data: [1, 2].flatMap(productId => ['x', 'y'].map(label => ({ productId, label }))) })
    const first = await read<KeysetPage<{ productId: number, label: string }>>({ key: ['productId', 'label'], limit: 3 }, '', prisma.tag)
    const second = await read<KeysetPage<{ productId: number, label: string }>>({ key: ['productId', 'label'], limit: 3 }, `?cursor=${first.pageInfo.endCursor}`, prisma.tag)
    expect([...first.items, ...second.items].map(({ productId, label }) => `${productId}${label}`)).toEqual(['1x', '1y', '2x', '2y'])
  })

  it('works inside a transaction', async () => {
    await prisma.product.createMany({ data: [product(1)] })
    const page = await prisma.$transaction(transaction => read({ orderBy: { name: 'asc' } }, '', transaction.product))
    expect(page.items).toHaveLength(1)
  })

  it('refuses the cursor of another model', async () => {
    await prisma.product.createMany({ data: [1, 2].map(id => product(id)) })
    const { pageInfo } = await read({ key: 'name', limit: 1 })
    await expect(read({ key: 'name', limit: 1 }, `?cursor=${pageInfo.endCursor}`)).resolves.toMatchObject({ items: [{ id: 2 }] })
    await expect(read({ key: 'name', limit: 1, name: 'Order' }, `?cursor=${pageInfo.endCursor}`)).rejects.toMatchObject({ statusCode: 400 })
  })
})

describe('an order that would lose rows', () => {
  it.each([
    [{ soldAt: 'asc' }, `paginate() sorts by soldAt, which can be null, so it needs the position of nulls: write orderBy: { soldAt: { sort: 'asc', nulls: 'last' } }.`],
    [{ grade: 'asc' }, 'paginate() cannot use a cursor with the column grade'],
    [{ details: { sort: 'asc', nulls: 'last' } }, 'paginate() cannot use a cursor with the column details'],
    [{ shop: { name: 'asc' } }, 'orderBy.shop of paginate() must be'],
  ])('%j is refused on the first page, before any row is read', async (orderBy, message) => {
    await expect(read({ orderBy })).rejects.toThrow(message)
    expect(queries).toEqual([])
  })

  it('has a column that is never empty asked about once, and not the database', async () => {
    let calls = 0
    const query = { ...prisma.product, findMany: (args: object) => {
      calls++
      return prisma.product.findMany(args)
    } }
    await read({ orderBy: { views: 'asc' } }, '', query)
    // The page, and whether views and id can be empty.
    expect(calls).toBe(3)
    await read({ orderBy: { views: 'desc' } }, '', query)
    expect(calls).toBe(4)
    expect(queries).toHaveLength(2)
  })
})

describe('page numbers on PostgreSQL', () => {
  it('give every row once, and the totals', async () => {
    await prisma.product.createMany({ data: Array.from({ length: 7 }, (_, index) => product(index + 1)) })
    const options: Options = { mode: 'offset', limit: 3, where: { id: { gt: 1 } }, orderBy: { category: 'asc' } }
    const pages = await Promise.all([1, 2, 3].map(page => read<OffsetPage<Row>>(options, `?page=${page}`)))
    expect(pages.map(({ items }) => items.map(({ id }) => id))).toEqual([[2, 3, 4], [5, 6, 7], []])
    expect(pages[1]!.pagination).toEqual({ page: 2, limit: 3, total: 6, totalPages: 2 })
  })

  it('may sort by a relation', async () => {
    await prisma.$executeRawUnsafe(`insert into "Shop" (name) values ('b'), ('a')`)
    await prisma.product.createMany({ data: [{ ...product(1), shopId: 1 }, { ...product(2), shopId: 2 }] })
    expect((await read<OffsetPage<Row>>({ mode: 'offset', orderBy: { shop: { name: 'asc' } } })).items.map(({ id }) => id)).toEqual([2, 1])
  })
})

function product(id: number): object {
  return { id, name: `product ${id}`, category: 'x', price: id, views: 0n, createdAt: new Date(0), active: true }
}

function literal(value: unknown): string {
  return typeof value === 'number' ? String(value) : `'${String(value)}'`
}
