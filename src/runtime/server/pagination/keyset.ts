import { beyond } from './beyond'
import { checkColumns } from './columns'
import type { Cursors, Position } from './cursor'
import type { SortColumn } from './order'
import { reverseOrder, toOrderBy } from './order'
import type { PageRequest } from './request'
import { selectColumns } from './selection'
import type { KeysetPage, PageInfo, PageQuery } from './types'

type Row = Record<string, unknown>

/** Input of {@link readKeysetPage}. */
export interface KeysetInput {
  query: PageQuery
  /** Arguments that go to `findMany` unchanged, and `where`. */
  args: { where?: object, select?: unknown, omit?: unknown }
  columns: readonly SortColumn[]
  request: PageRequest
  cursors: Cursors
}

/**
 * Reads a page with a cursor. It requests one row more than the limit, to know whether there is another page.
 *
 * @throws HttpError 400 for a cursor that is not valid for this list
 * @throws TypeError for a sort order that cursors do not support
 */
export async function readKeysetPage({ query, args, columns, request, cursors }: KeysetInput): Promise<KeysetPage<unknown>> {
  const position = request.cursor === undefined ? undefined : cursors.read(request.cursor)
  await checkColumns(query, columns)
  const backward = position?.side === 'before'
  const walk = backward ? reverseOrder(columns) : columns
  const names = columns.map(({ column }) => column)
  const selection = selectColumns(args, names)
  const rows = [...await query.findMany({
    ...selection.args,
    ...position && { where: narrow(args.where, beyond(walk, position.values, position.inclusive)) },
    orderBy: toOrderBy(walk),
    take: request.limit + 1,
  })] as Row[]
  // Read the values of every row, so that a missing value is detected in any of them.
  const places = rows.map(row => columns.map(sortColumn => valueOf(row, sortColumn)))
  if (position && !position.inclusive && places[0] && cursors.isAt(places[0], position)) {
    throw new TypeError(
      `paginate() got the row of the cursor again, because values of ${names.join(', ')} have more digits than JavaScript can represent: `
      + 'store times with millisecond precision, or sort by another column.',
    )
  }

  const more = rows.length > request.limit
  for (const list of [rows, places]) {
    if (more) list.pop()
    if (backward) list.reverse()
  }
  const edge = (side: Position['side'], values: unknown[] | undefined) =>
    values ? cursors.write({ side, inclusive: false, values }) : sideOf(position, side, cursors)
  const pageInfo: PageInfo = {
    hasNextPage: backward || more,
    hasPreviousPage: backward ? more : position !== undefined,
    startCursor: edge('before', places[0]),
    endCursor: edge('after', places.at(-1)),
  }
  return { items: rows.map(selection.strip), pageInfo }
}

/**
 * Returns the cursor of one side of an empty page; null if the whole list is empty.
 * On the side that was requested the same cursor continues, and the other side contains all other rows.
 */
function sideOf(position: Position | undefined, side: Position['side'], cursors: Cursors): string | null {
  if (!position) return null
  return cursors.write(position.side === side ? position : { side, inclusive: !position.inclusive, values: position.values })
}

function valueOf(row: Row, { column, nulls }: SortColumn): unknown {
  const value = row[column]
  if (value === null && !nulls) {
    throw new TypeError(
      `paginate() found a row in which the sort column ${column} is null: write orderBy: { ${column}: { sort: 'asc', nulls: 'last' } }.`,
    )
  }
  return value
}

function narrow(where: object | undefined, condition: object): object {
  return where ? { AND: [where, condition] } : condition
}
