import type { SortColumn } from './order'

/**
 * The condition for the rows that come after a place in an order, as Prisma takes it. It compares values instead of
 * looking for the row, so the row at the place may be gone.
 *
 * @param columns the order
 * @param values the place, one value for each column
 * @param inclusive whether a row at the place itself counts
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

/** The rows past a value of one column; undefined when there are none. */
function after({ column, direction, nulls }: SortColumn, value: unknown): object | undefined {
  if (value === null) return nulls === 'first' ? { [column]: { not: null } } : undefined
  const empty = nulls === 'last' ? { [column]: null } : undefined
  // Prisma compares booleans for equality only; false comes before true.
  const past = typeof value === 'boolean'
    ? value === (direction === 'desc') ? { [column]: !value } : undefined
    : { [column]: { [direction === 'asc' ? 'gt' : 'lt']: value } }
  return past && empty ? { OR: [past, empty] } : past ?? empty
}

/** Says again what all branches have in common: by it the database finds the place in an index, which an OR does not let it. */
function leadingBound({ column, direction, nulls }: SortColumn, value: unknown): object | undefined {
  if (value === null || typeof value === 'boolean' || nulls === 'last') return undefined
  return { [column]: { [direction === 'asc' ? 'gte' : 'lte']: value } }
}

function allOf(conditions: object[]): object {
  return conditions.length === 1 ? conditions[0]! : { AND: conditions }
}
