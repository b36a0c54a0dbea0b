import type { PaginationOptions } from './options'
import type { Selected } from './selected'

/** The part of a request that pagination needs. An H3 event has it. */
export interface PageEvent {
  /** Path with its query. */
  readonly path: string
}

/**
 * A query that can be paginated: a Prisma delegate, or an object whose `findMany` accepts the same arguments
 * (`where` with AND, OR, gt, lt, gte, lte, not; `orderBy`; `take`; `skip`).
 */
export interface PageQuery {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each query takes its own arguments
  findMany: (args?: any) => PromiseLike<readonly unknown[]>
  /** Counts rows. Required for totals. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each query takes its own arguments
  count?: (args?: any) => PromiseLike<unknown>
}

/** The type information that a delegate of a generated client contains. */
interface ModelQuery<Payload = unknown, Args = unknown> {
  [key: symbol]: { types: { payload: Payload, operations: { findMany: { args: Args } } } }
}

/** Arguments of `findMany`. */
export type FindManyArgs<Query> = symbol extends keyof Query
  ? Query extends ModelQuery<unknown, infer Args> ? Args : AnyArgs
  : Query extends { findMany: (...args: infer Given) => unknown }
    ? Given extends [(infer Args)?, ...unknown[]] ? unknown extends Args ? AnyArgs : NonNullable<Args> : AnyArgs
    : AnyArgs

/** Arguments of a query without type information. */
interface AnyArgs {
  where?: object
  orderBy?: object | readonly object[]
  select?: object
  include?: object
  omit?: object
}

/** Arguments that `paginate` sets itself or does not support. Prisma applies `distinct` only after the database has cut the page. */
type OwnArgs = 'take' | 'skip' | 'cursor' | 'distinct'

/** Options of `paginate`: the arguments of `findMany`, and {@link PageOptions}. */
export type PaginateOptions<Query = PageQuery> = Omit<FindManyArgs<Query>, OwnArgs | keyof PageOptions> & PageOptions

/** Options of `paginate` in addition to the arguments of `findMany`. */
export interface PageOptions extends PaginationOptions {
  /**
   * `'keyset'` uses cursors, and every page costs the same. `'offset'` uses page numbers and always returns totals.
   * @default 'keyset'
   */
  mode?: 'keyset' | 'offset'
  /**
   * A unique column, or columns that are unique together. It orders rows that are equal in `orderBy`.
   * @default 'id'
   */
  key?: string | readonly string[]
  /**
   * Name of the list, if the query has no model name. A cursor is valid only for the list of its name.
   * @default the name of the Prisma model, or ''
   */
  name?: string
  /**
   * Counts all rows in keyset mode too. Offset mode always counts them.
   * @default false
   */
  total?: boolean
}

/** Cursors of a page, and whether there are other pages. */
export interface PageInfo {
  hasNextPage: boolean
  /** True for every page that was reached forward with a cursor, even if the rows before it were deleted since. */
  hasPreviousPage: boolean
  /** Cursor of the previous page, for `?cursor=`; null only if the whole list is empty. */
  startCursor: string | null
  /** Cursor of the next page, for `?cursor=`. It also leads to rows that are added later. Null only if the whole list is empty. */
  endCursor: string | null
}

/** The number of rows and pages. */
export interface PageTotals {
  /** Number of rows of a page. */
  limit: number
  /** Number of all rows. */
  total: number
  /** Number of all pages. */
  totalPages: number
}

/** A page that was read with a cursor. */
export interface KeysetPage<Item> {
  items: Item[]
  pageInfo: PageInfo
}

/** A page that was read by its number. */
export interface OffsetPage<Item> {
  items: Item[]
  pagination: { page: number } & PageTotals
}

/** Type of one row of a query with these options. */
export type ItemOf<Query, Options> = Options extends { select: object } | { include: object } | { omit: object }
  ? symbol extends keyof Query ? Query extends ModelQuery<infer Payload> ? Selected<Payload, Options> : never : RowOf<Query>
  : RowOf<Query>

type RowOf<Query> = Query extends { findMany: (...args: never[]) => PromiseLike<readonly (infer Row)[]> } ? Row : never

/** The options that determine the type of a page, with their literal types. */
export interface PageShape<Select = undefined, Include = undefined, Omitted = undefined, Mode = undefined, Total = undefined> {
  select?: Select
  include?: Include
  omit?: Omitted
  mode?: Mode
  total?: Total
}

/** Makes columns and relations that the query does not have a type error. */
export type KnownShape<Query, Select, Include, Omitted> = {
  select?: Known<Select, FindManyArgs<Query>, 'select'>
  include?: Known<Include, FindManyArgs<Query>, 'include'>
  omit?: Known<Omitted, FindManyArgs<Query>, 'omit'>
}

type Known<Given, Args, Option extends string> = Option extends keyof Args
  ? keyof NonNullable<Args[Option]> extends never ? unknown : { [Key in Exclude<keyof Given, keyof NonNullable<Args[Option]>>]: never }
  : unknown

/** Result of `paginate`. */
export type PageOf<Query, Options> = Options extends { mode: 'offset' }
  ? OffsetPage<ItemOf<Query, Options>>
  : KeysetPage<ItemOf<Query, Options>> & (Options extends { total: true } ? { pagination: PageTotals } : unknown)
