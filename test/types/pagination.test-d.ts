import type { Decimal, Types } from '@prisma/client/runtime/client'
import { describe, expectTypeOf, it } from 'vitest'
import type { OffsetPage, PageInfo } from '../../src/runtime/server/pagination/types'
import { getPagination, paginate } from '../../src/runtime/server/pagination/utils'

/** What `prisma generate` writes for three models, shortened. */
interface ProductPayload {
  name: 'Product'
  objects: { shop: ShopPayload | null, owner: ShopPayload, tags: TagPayload[] }
  scalars: { id: number, name: string, price: Decimal, soldAt: Date | null }
  composites: Record<never, never>
}
interface ShopPayload {
  name: 'Shop'
  objects: { products: ProductPayload[] }
  scalars: { id: number, name: string }
  composites: Record<never, never>
}
interface TagPayload {
  name: 'Tag'
  objects: { product: ProductPayload }
  scalars: { productId: number, label: string }
  composites: Record<never, never>
}
interface ProductSelect {
  id?: boolean
  name?: boolean
  price?: boolean
  soldAt?: boolean
  shop?: boolean | { select?: { id?: boolean, name?: boolean } | null }
  owner?: boolean
  tags?: boolean | { where?: object, select?: { label?: boolean, productId?: boolean } | null, include?: { product?: boolean } | null }
  _count?: boolean | { select?: { tags?: boolean } | null }
}
interface ProductFindManyArgs {
  select?: ProductSelect | null
  omit?: { id?: boolean, name?: boolean, price?: boolean, soldAt?: boolean } | null
  include?: Omit<ProductSelect, 'id' | 'name' | 'price' | 'soldAt'> | null
  where?: { name?: string, price?: { gt: number } }
  orderBy?: ProductOrderBy | ProductOrderBy[]
  cursor?: { id: number }
  take?: number
  skip?: number
  distinct?: 'name'[]
}
interface ProductOrderBy { id?: 'asc' | 'desc', name?: 'asc' | 'desc', soldAt?: 'asc' | 'desc' | { sort: 'asc' | 'desc', nulls?: 'first' | 'last' } }

type Exactly<T, U> = { [Key in keyof T]: Key extends keyof U ? T[Key] : never }
type Result<T> = Types.Result.GetResult<ProductPayload, T, 'findMany'>

declare const product: {
  [key: symbol]: { types: { payload: ProductPayload, operations: { findMany: { args: ProductFindManyArgs, result: unknown } } }, meta: { name: 'Product' } }
  findMany: <T extends ProductFindManyArgs>(args?: Exactly<T, ProductFindManyArgs>) => Promise<Result<T>>
  count: <T extends { where?: object }>(args?: Exactly<T, { where?: object }>) => Promise<number>
}
declare const event: { path: string }

type Flat<T> = T extends Date | Decimal ? T : T extends (infer One)[] ? Flat<One>[] : T extends object ? { [Key in keyof T]: Flat<T[Key]> } : T

describe('the types of pages', () => {
  it('have the rows that the delegate gives', async () => {
    const { items, pageInfo } = await paginate(event, product)
    expectTypeOf(items).toEqualTypeOf<ProductPayload['scalars'][]>()
    expectTypeOf(pageInfo).toEqualTypeOf<PageInfo>()
    expectTypeOf((await paginate(event, product, { where: { name: 'a' }, orderBy: { name: 'desc' }, limit: 5 })).items).toEqualTypeOf<ProductPayload['scalars'][]>()
  })

  it('have what select, include and omit say, as Prisma types it', async () => {
    const select = { id: true, soldAt: true, price: false, shop: true, owner: true, tags: { where: {}, select: { label: true } }, _count: { select: { tags: true } } } as const
    const include = { shop: { select: { name: true } }, tags: { include: { product: true } } } as const
    const omit = { price: true, name: false } as const
    const selected = await paginate(event, product, { select })
    expectTypeOf<Flat<(typeof selected.items)>>().toEqualTypeOf<Flat<Result<{ select: typeof select }>>>()
    expectTypeOf(selected.items[0]!).toEqualTypeOf<{ id: number, soldAt: Date | null, shop: { id: number, name: string } | null, owner: { id: number, name: string }, tags: { label: string }[], _count: { tags: number } }>()
    const included = await paginate(event, product, { include })
    expectTypeOf<Flat<typeof included.items>>().toEqualTypeOf<Flat<Result<{ include: typeof include }>>>()
    expectTypeOf(included.items[0]!.tags[0]!.product.price).toEqualTypeOf<Decimal>()
    const omitted = await paginate(event, product, { omit })
    expectTypeOf<Flat<typeof omitted.items>>().toEqualTypeOf<Flat<Result<{ omit: typeof omit }>>>()
    expectTypeOf(omitted.items[0]!).toEqualTypeOf<{ id: number, name: string, soldAt: Date | null }>()
    expectTypeOf((await paginate(event, product, { select: { _count: true } })).items[0]!._count).toEqualTypeOf<{ tags: number }>()
  })

  it('have totals where they are', async () => {
    const page = await paginate(event, product, { mode: 'offset' })
    expectTypeOf(page).toEqualTypeOf<OffsetPage<ProductPayload['scalars']>>()
    expectTypeOf<keyof typeof page.pagination>().toEqualTypeOf<'page' | 'limit' | 'total' | 'totalPages'>()
    // @ts-expect-error page numbers have no cursors
    void page.pageInfo
    expectTypeOf((await paginate(event, product, { total: true, select: { id: true } })).pagination.total).toEqualTypeOf<number>()
    // @ts-expect-error nobody counted
    void (await paginate(event, product, { limit: 5 })).pagination
  })

  it('refuse what is no option', () => {
    // @ts-expect-error no such column
    void paginate(event, product, { where: { color: 'red' } })
    // @ts-expect-error no such column
    void paginate(event, product, { select: { color: true } })
    // @ts-expect-error no such column
    void paginate(event, product, { orderBy: { color: 'asc' } })
    // @ts-expect-error a column that is never empty
    void paginate(event, product, { orderBy: { name: { sort: 'asc', nulls: 'last' } } })
    // @ts-expect-error follows from the request
    void paginate(event, product, { take: 5 })
    // @ts-expect-error applied after the page is cut
    void paginate(event, product, { distinct: ['name'] })
    // @ts-expect-error no option of that name
    void paginate(event, product, { limt: 5 })
    // @ts-expect-error no such mode
    void paginate(event, product, { mode: 'pages' })
  })

  it('hold for any query', async () => {
    const query = { findMany: async (args: { where?: { id: number }, take?: number }) => [{ id: args.take ?? 0 }] }
    expectTypeOf((await paginate(event, query, { where: { id: 1 } })).items).toEqualTypeOf<{ id: number }[]>()
    expectTypeOf((await paginate(event, { findMany: async () => ['a'] }, { orderBy: [] })).items).toEqualTypeOf<string[]>()
    // @ts-expect-error no rows to be had
    void paginate(event, { find: async () => [] })
  })

  it('say what a request asks for', () => {
    const { page, limit, skip, take, cursor } = getPagination(event, { limit: 10, maxLimit: 50, maxOffset: 500 })
    expectTypeOf([page, limit, skip, take]).toEqualTypeOf<number[]>()
    expectTypeOf(cursor).toEqualTypeOf<string | undefined>()
    // @ts-expect-error no option of that name
    void getPagination(event, { max: 5 })
  })
})
