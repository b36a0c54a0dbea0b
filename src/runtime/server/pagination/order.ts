/** Position of nulls in a sort order. */
type NullsPlace = 'first' | 'last'

/** One column of a total order. */
export interface SortColumn {
  column: string
  direction: 'asc' | 'desc'
  /** Position of nulls; undefined if the column is never null. */
  nulls: NullsPlace | undefined
}

/**
 * Returns the sort columns of a list with cursors. The unique key comes last, so that no two rows are equal.
 * The key has the direction of the column before it, so that one index can serve the whole order.
 *
 * @param orderBy `orderBy` of Prisma
 * @param key a unique column, or columns that are unique together
 * @throws TypeError naming the part that cursors do not support
 */
export function parseOrder(orderBy: unknown, key: readonly string[]): SortColumn[] {
  const columns: SortColumn[] = []
  const add = (column: SortColumn) => {
    if (!columns.some(known => known.column === column.column)) columns.push(column)
  }
  for (const part of listOf(orderBy)) {
    const entries = Object.entries(part).filter(([, value]) => value !== undefined)
    if (entries.length > 1) {
      const names = entries.map(([name]) => name)
      throw new TypeError(
        `orderBy of paginate() contains ${names.join(' and ')} in one object, so their order is not certain: `
        + `write a list, such as [{ ${names[0]}: 'asc' }, { ${names[1]}: 'asc' }].`,
      )
    }
    for (const [column, value] of entries) add(parseColumn(column, value))
  }
  const { direction } = columns.at(-1) ?? { direction: 'asc' }
  for (const column of key) add({ column, direction, nulls: undefined })
  return columns
}

/** Adds the key to an order of a list with page numbers. Such an order may also sort by relations. */
export function withKey(orderBy: unknown, key: readonly string[]): object[] {
  const parts = listOf(orderBy)
  const missing = key.filter(column => !parts.some(part => Object.hasOwn(part, column)))
  return [...parts, ...missing.map(column => ({ [column]: 'asc' }))]
}

/** Reverses a sort order. */
export function reverseOrder(columns: readonly SortColumn[]): SortColumn[] {
  return columns.map(({ column, direction, nulls }) => ({
    column,
    direction: direction === 'asc' ? 'desc' : 'asc',
    nulls: nulls && (nulls === 'first' ? 'last' : 'first'),
  }))
}

/** Converts a sort order to `orderBy` of Prisma. */
export function toOrderBy(columns: readonly SortColumn[]): object[] {
  return columns.map(({ column, direction, nulls }) => ({ [column]: nulls ? { sort: direction, nulls } : direction }))
}

function listOf(orderBy: unknown): object[] {
  return [orderBy ?? []].flat().filter((part): part is object => typeof part === 'object' && part !== null)
}

function parseColumn(column: string, value: unknown): SortColumn {
  const { sort, nulls, ...others } = (typeof value === 'object' && value !== null ? value : { sort: value }) as Record<string, unknown>
  const isSort = sort === 'asc' || sort === 'desc'
  const isNulls = nulls === undefined || nulls === 'first' || nulls === 'last'
  if (!isSort || !isNulls || Object.keys(others).length > 0) {
    throw new TypeError(
      `orderBy.${column} of paginate() must be 'asc', 'desc' or { sort, nulls }, because cursors support only columns of the model itself: `
      + 'sort by one of these columns, or set mode: \'offset\'.',
    )
  }
  return { column, direction: sort, nulls }
}
