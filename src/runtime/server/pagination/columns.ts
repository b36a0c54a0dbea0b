import type { SortColumn } from './order'
import type { PageQuery } from './types'

/** The metadata of a Prisma delegate. */
interface Delegate extends PageQuery {
  name?: unknown
  $name?: unknown
  $parent?: unknown
  fields?: Record<string, { typeName?: string, isEnum?: boolean, isList?: boolean } | undefined>
}

/** Column types that Prisma cannot compare with `gt` and `lt`. */
const NOT_COMPARABLE = ['Json', 'Bytes']

const known = new WeakMap<object, Map<string, Promise<boolean>>>()

/** Returns the name of the model; '' if the query has none. */
export function modelName(query: PageQuery): string {
  const { $name, name } = query as Delegate
  return [$name, name].find(candidate => typeof candidate === 'string') as string | undefined ?? ''
}

/**
 * Refuses sort columns with which a cursor would lose rows: columns that Prisma cannot compare,
 * and nullable columns without a `nulls` setting in `orderBy`.
 *
 * @throws TypeError naming the column and the fix
 */
export async function checkColumns(query: PageQuery, columns: readonly SortColumn[]): Promise<void> {
  const { fields, $parent } = query as Delegate
  if (!fields || !$parent) return
  for (const { column, nulls } of columns) {
    const field = fields[column]
    if (field && (field.isEnum || field.isList || NOT_COMPARABLE.includes(field.typeName ?? ''))) {
      throw new TypeError(
        `paginate() cannot use a cursor with the column ${column}, because Prisma cannot compare it: `
        + 'sort by another column, or set mode: \'offset\'.',
      )
    }
    if (field && !nulls && await isNullable(query, column)) {
      throw new TypeError(
        `paginate() sorts by ${column}, which can be null, so it needs the position of nulls: `
        + `write orderBy: { ${column}: { sort: 'asc', nulls: 'last' } }.`,
      )
    }
  }
}

/**
 * Returns whether a column is nullable. Prisma clients do not expose this, but they refuse to search for null in a required column.
 * The query asks for zero rows, so Prisma sends nothing to the database. The result is cached for each client and column.
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
