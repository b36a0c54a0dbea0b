import type { SortColumn } from './order'

/**
 * Returns the Prisma condition for the rows after a position in a sort order. It compares values and does not look for the row
 * at that position, so that row may have been deleted.
 *
 * @param columns the sort order
 * @param values the position, one value for each column
 * @param inclusive whether to include a row at the position itself
 */
export function beyond(columns: readonly SortColumn[], values: readonly unknown[], inclusive: boolean): object {
  const equals = columns.map(({ column }, index) => ({ [column]: values[index] }))
  const branches = columns.flatMap((column, index) => {
    const past = after(column, values[index])
    return past ? [allOf([...equals.slice(0, index), past])] : []
  })
  if (inclusive) branches.push(allOf(equals))
  const bound = leadingBound(columns[0]!, values[0])
  return columns.length > 1 && bound ? { AND: [bound, { OR: branches }] } : { OR: branches }
}

/** Returns the condition for rows after a value of one column; undefined if such rows cannot exist. */
function after({ column, direction, nulls }: SortColumn, value: unknown): object | undefined {
  if (value === null) return nulls === 'first' ? { [column]: { not: null } } : undefined
  const empty = nulls === 'last' ? { [column]: null } : undefined
  // Prisma compares booleans for equality only; false comes before true.
  const past = typeof value === 'boolean'
    ? value === (direction === 'desc') ? { [column]: !value } : undefined
    : { [column]: { [direction === 'asc' ? 'gt' : 'lt']: value } }
  return past && empty ? { OR: [past, empty] } : past ?? empty
}

/** Returns a condition that all branches have in common. With it the database can use an index, which it cannot with OR alone. */
function leadingBound({ column, direction, nulls }: SortColumn, value: unknown): object | undefined {
  if (value === null || typeof value === 'boolean' || nulls === 'last') return undefined
  return { [column]: { [direction === 'asc' ? 'gte' : 'lte']: value } }
}

function allOf(conditions: object[]): object {
  return conditions.length === 1 ? conditions[0]! : { AND: conditions }
}
