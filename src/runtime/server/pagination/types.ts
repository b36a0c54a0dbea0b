import type { PaginationOptions } from './options'
import type { Selected } from './selected'

/** What is needed of a request. */
export interface PageEvent {
  /** Path with its query. */
  readonly path: string
}

/**
 * What can be paginated: a Prisma delegate as it is, or anything that understands the arguments of its `findMany`
 * (`where` with AND, OR, gt, lt, gte, lte, not; `orderBy`; `take`; `skip`).
 */
export interface PageQuery {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each query takes its own arguments
  findMany: (args?: any) => PromiseLike<readonly unknown[]>
  /** Needed for totals. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each query takes its own arguments
  count?: (args?: any) => PromiseLike<unknown>
}

/** How a delegate of a generated client carries its model. */
interface ModelQuery<Payload = unknown, Args = unknown> {
  [key: symbol]: { types: { payload: Payload, operations: { findMany: { args: Args } } } }
}

/** What `findMany` takes. */
export type FindManyArgs<Query> = symbol extends keyof Query
  ? Query extends ModelQuery<unknown, infer Args> ? Args : AnyArgs
  : Query extends { findMany: (...args: infer Given) => unknown }
    ? Given extends [(infer Args)?, ...unknown[]] ? unknown extends Args ? AnyArgs : NonNullable<Args> : AnyArgs
    : AnyArgs

/** For a query that does not say what it takes. */
interface AnyArgs {
  where?: object
  orderBy?: object | readonly object[]
  select?: object
  include?: object
  omit?: object
}

/** The arguments that a page has of its own. `distinct` is applied after the database has cut the page. */
type OwnArgs = 'take' | 'skip' | 'cursor' | 'distinct'

/** Options of `paginate`: those of `findMany`, and these. */
export type PaginateOptions<Query = PageQuery> = Omit<FindManyArgs<Query>, OwnArgs | keyof PageOptions> & PageOptions

/** What `paginate` takes besides the options of `findMany`. */
export interface PageOptions extends PaginationOptions {
  /**
   * `'keyset'` walks by cursors, at the same cost on every page. `'offset'` has page numbers and totals.
   * @default 'keyset'
   */
  mode?: 'keyset' | 'offset'
  /**
   * Column that is unique, or columns that are so together. It settles the order of rows that are equal by `orderBy`.
   * @default 'id'
   */
  key?: string | readonly string[]
  /** Name of the list, where the query has none: a cursor of one list is refused by another. */
  name?: string
  /**
   * In keyset mode, counts the rows as well. In offset mode that is always so.
   * @default false
   */
  total?: boolean
}

/** Where a page of a keyset stands. */
export interface PageInfo {
  hasNextPage: boolean
  /** True for every page that a cursor led forward to, also when the rows before it have gone since. */
  hasPreviousPage: boolean
  /** Leads to the page before, as `?cursor=`; null only when the whole list is empty. */
  startCursor: string | null
  /** Leads to the page after, as `?cursor=`, also to rows that are added later; null only when the whole list is empty. */
  endCursor: string | null
}

/** How many there are. */
export interface PageTotals {
  limit: number
  total: number
  totalPages: number
}

/** A page of a keyset. */
export interface KeysetPage<Item> {
  items: Item[]
  pageInfo: PageInfo
}

/** A page by its number. */
export interface OffsetPage<Item> {
  items: Item[]
  pagination: { page: number } & PageTotals
}

/** One row of a query under its options. */
export type ItemOf<Query, Options> = Options extends { select: object } | { include: object } | { omit: object }
  ? symbol extends keyof Query ? Query extends ModelQuery<infer Payload> ? Selected<Payload, Options> : never : RowOf<Query>
  : RowOf<Query>

type RowOf<Query> = Query extends { findMany: (...args: never[]) => PromiseLike<readonly (infer Row)[]> } ? Row : never

/** The options that decide what a page holds, each as it is written. */
export interface PageShape<Select = undefined, Include = undefined, Omitted = undefined, Mode = undefined, Total = undefined> {
  select?: Select
  include?: Include
  omit?: Omitted
  mode?: Mode
  total?: Total
}

/** Refuses columns and relations that the query does not know. */
export type KnownShape<Query, Select, Include, Omitted> = {
  select?: Known<Select, FindManyArgs<Query>, 'select'>
  include?: Known<Include, FindManyArgs<Query>, 'include'>
  omit?: Known<Omitted, FindManyArgs<Query>, 'omit'>
}

type Known<Given, Args, Option extends string> = Option extends keyof Args
  ? keyof NonNullable<Args[Option]> extends never ? unknown : { [Key in Exclude<keyof Given, keyof NonNullable<Args[Option]>>]: never }
  : unknown

/** What `paginate` gives. */
export type PageOf<Query, Options> = Options extends { mode: 'offset' }
  ? OffsetPage<ItemOf<Query, Options>>
  : KeysetPage<ItemOf<Query, Options>> & (Options extends { total: true } ? { pagination: PageTotals } : unknown)
