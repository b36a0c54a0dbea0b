/** Where rows without a value stand. */
export type NullsPlace = 'first' | 'last'

/** One column of a total order. */
export interface SortColumn {
  column: string
  direction: 'asc' | 'desc'
  /** Undefined: every row has a value. */
  nulls: NullsPlace | undefined
}

/**
 * The columns that a keyset walks along. The unique key is added at the end, so that no two rows are equal; it runs in the
 * direction of the column before, which one index then serves.
 *
 * @param orderBy as Prisma takes it
 * @param key column or columns that are unique together
 * @throws TypeError naming what a cursor cannot hold
 */
export function parseOrder(orderBy: unknown, key: readonly string[]): SortColumn[] {
  const columns: SortColumn[] = []
  const add = (column: SortColumn) => {
    if (!columns.some(known => known.column === column.column)) columns.push(column)
  }
  for (const part of listOf(orderBy)) {
    const entries = Object.entries(part).filter(([, value]) => value !== undefined)
    if (entries.length > 1) throw new TypeError(`orderBy of paginate() names ${entries.map(([name]) => name).join(' and ')} in one object, whose order is not sure: write a list, such as [{ ${entries[0]![0]}: 'asc' }, { ${entries[1]![0]}: 'asc' }].`)
    for (const [column, value] of entries) add(parseColumn(column, value))
  }
  const { direction } = columns.at(-1) ?? { direction: 'asc' }
  for (const column of key) add({ column, direction, nulls: undefined })
  return columns
}

/** The same order with the key behind it, for lists that are not walked by cursors: it may sort by relations. */
export function withKey(orderBy: unknown, key: readonly string[]): object[] {
  const parts = listOf(orderBy)
  const missing = key.filter(column => !parts.some(part => Object.hasOwn(part, column)))
  return [...parts, ...missing.map(column => ({ [column]: 'asc' }))]
}

/** The order backwards. */
export function reverseOrder(columns: readonly SortColumn[]): SortColumn[] {
  return columns.map(({ column, direction, nulls }) => ({
    column,
    direction: direction === 'asc' ? 'desc' : 'asc',
    nulls: nulls && (nulls === 'first' ? 'last' : 'first'),
  }))
}

/** The order as Prisma takes it. */
export function toOrderBy(columns: readonly SortColumn[]): object[] {
  return columns.map(({ column, direction, nulls }) => ({ [column]: nulls ? { sort: direction, nulls } : direction }))
}

function listOf(orderBy: unknown): object[] {
  return [orderBy ?? []].flat().filter((part): part is object => typeof part === 'object' && part !== null)
}

function parseColumn(column: string, value: unknown): SortColumn {
  const { sort, nulls, ...others } = (typeof value === 'object' && value !== null ? value : { sort: value }) as Record<string, unknown>
  if ((sort !== 'asc' && sort !== 'desc') || (nulls !== undefined && nulls !== 'first' && nulls !== 'last') || Object.keys(others).length > 0) {
    throw new TypeError(`orderBy.${column} of paginate() is neither 'asc', 'desc' nor { sort, nulls }: a cursor holds columns of the model itself; sort by one of them, or set mode: 'offset'.`)
  }
  return { column, direction: sort, nulls }
}
