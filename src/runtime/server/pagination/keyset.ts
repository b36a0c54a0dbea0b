import { beyond } from './beyond'
import { checkColumns } from './columns'
import type { Cursors, Position } from './cursor'
import type { SortColumn } from './order'
import { reverseOrder, toOrderBy } from './order'
import type { PageRequest } from './request'
import { selectColumns } from './selection'
import type { KeysetPage, PageInfo, PageQuery } from './types'

type Row = Record<string, unknown>

/** What one page of a keyset is made of. */
export interface KeysetInput {
  query: PageQuery
  /** What goes to `findMany` as it is, `where` included. */
  args: { where?: object, select?: unknown, omit?: unknown }
  columns: readonly SortColumn[]
  request: PageRequest
  cursors: Cursors
}

/**
 * Reads a page along the columns of an order. One row more than wanted says whether it goes on.
 *
 * @throws HttpError 400 for a cursor that is not of this list
 * @throws TypeError for an order that a cursor cannot follow
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
  // Of every row, so that one without a value shows wherever it stands.
  const places = rows.map(row => columns.map(sortColumn => valueOf(row, sortColumn)))
  if (position && !position.inclusive && places[0] && cursors.isAt(places[0], position)) {
    throw new TypeError(`paginate() came back to the row that it started from: ${names.join(', ')} hold more digits than JavaScript can, so a cursor cannot point between them. Store times to the millisecond, or sort by another column.`)
  }

  const more = rows.length > request.limit
  for (const list of [rows, places]) {
    if (more) list.pop()
    if (backward) list.reverse()
  }
  const edge = (side: Position['side'], values: unknown[] | undefined) => values ? cursors.write({ side, inclusive: false, values }) : sideOf(position, side, cursors)
  const pageInfo: PageInfo = {
    hasNextPage: backward || more,
    hasPreviousPage: backward ? more : position !== undefined,
    startCursor: edge('before', places[0]),
    endCursor: edge('after', places.at(-1)),
  }
  return { items: rows.map(selection.strip), pageInfo }
}

/** An empty page keeps its place: on one side of it nothing has come yet, on the other side is all that it does not hold itself. */
function sideOf(position: Position | undefined, side: Position['side'], cursors: Cursors): string | null {
  if (!position) return null
  return cursors.write(position.side === side ? position : { side, inclusive: !position.inclusive, values: position.values })
}

function valueOf(row: Row, { column, nulls }: SortColumn): unknown {
  const value = row[column]
  if (value === null && !nulls) throw new TypeError(`paginate() found a row without ${column}, by which it sorts: write orderBy: { ${column}: { sort: 'asc', nulls: 'last' } }, so that it knows where such rows stand.`)
  return value
}

function narrow(where: object | undefined, condition: object): object {
  return where ? { AND: [where, condition] } : condition
}
