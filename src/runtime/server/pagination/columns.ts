import type { SortColumn } from './order'
import type { PageQuery } from './types'

/** What a Prisma delegate says of itself besides its methods. */
interface Delegate extends PageQuery {
  name?: unknown
  $name?: unknown
  $parent?: unknown
  fields?: Record<string, { typeName?: string, isEnum?: boolean, isList?: boolean } | undefined>
}

/** Columns whose values Prisma cannot compare with «greater». */
const NOT_COMPARABLE = ['Json', 'Bytes']

const known = new WeakMap<object, Map<string, Promise<boolean>>>()

/** Name of the model, '' when the query has none. */
export function nameOf(query: PageQuery): string {
  const { $name, name } = query as Delegate
  return [$name, name].find(candidate => typeof candidate === 'string') as string | undefined ?? ''
}

/**
 * Refuses columns along which a cursor would lose rows: those that cannot be compared, and those that can be empty where nobody said where empty ones stand.
 *
 * @throws TypeError naming the column and what to write
 */
export async function checkColumns(query: PageQuery, columns: readonly SortColumn[]): Promise<void> {
  const { fields, $parent } = query as Delegate
  if (!fields || !$parent) return
  for (const { column, nulls } of columns) {
    const field = fields[column]
    if (field && (field.isEnum || field.isList || NOT_COMPARABLE.includes(field.typeName ?? ''))) {
      throw new TypeError(`paginate() cannot walk along ${column}, which Prisma does not compare: sort by another column, or set mode: 'offset'.`)
    }
    if (field && !nulls && await isNullable(query, column)) {
      throw new TypeError(`${column} can be empty, and paginate() has to know where rows without it stand: write orderBy: { ${column}: { sort: 'asc', nulls: 'last' } }.`)
    }
  }
}

/**
 * Whether a column can be empty. No client of Prisma says so, but it refuses to look for nothing in a column that always has a value.
 * No row is wanted, so nothing is sent to the database. Asked once for each client and column.
 */
function isNullable(query: PageQuery, column: string): Promise<boolean> {
  const answers = known.get(query) ?? new Map<string, Promise<boolean>>()
  known.set(query, answers)
  let answer = answers.get(column)
  if (!answer) {
    answer = Promise.resolve(query.findMany({ where: { [column]: null }, take: 0 })).then(() => true, (error) => {
      if ((error as Error).name === 'PrismaClientValidationError') return false
      answers.delete(column)
      throw error
    })
    answers.set(column, answer)
  }
  return answer
}
