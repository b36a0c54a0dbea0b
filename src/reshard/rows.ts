import { ReshardError } from './errors'
import type { MoveSide } from './guard'
import { identifier } from './session'
import type { TextRow } from './session'
import type { ForeignKey, ShardTable } from './shard-table'

/** The values of the key columns of a row, as strings. */
export type Key = readonly string[]

/**
 * Reads a page of moving rows, in the order of the key.
 *
 * @param after the last key of the previous page
 */
export function readPage(side: MoveSide, table: ShardTable, after: Key | undefined, limit: number): Promise<TextRow[]> {
  const { session, objects } = side
  const keys = table.key.map(({ name }) => `t.${identifier(name)}`).join(', ')
  const beyond = after ? `and (${keys}) > (${table.key.map(({ type }, at) => `($1::text[])[${at + 1}]::${type}`).join(', ')})` : ''
  return session.rows(`select ${textsOf(table)} from ${objects.table(table.name)} t where ${moves(side, table)} ${beyond} order by `
    + `${keys} limit ${limit}`, after ? [after] : [])
}

/** Reads the moving rows with the given keys. */
export function readRows(side: MoveSide, table: ShardTable, keys: readonly Key[]): Promise<TextRow[]> {
  const { session, objects } = side
  return session.rows(`select ${textsOf(table)} from ${objects.table(table.name)} t, ${keyTable(table)} where ${sameKey(table)} and `
    + `${moves(side, table)}`, keyColumns(table, keys))
}

/** Thrown when rows conflict with other rows of the same keys. */
export class RowsInTheWay extends ReshardError {}

/**
 * Writes rows, and overwrites older copies of them. The key is written, too, because equal keys may have different spellings.
 *
 * @param blank columns that are written as NULL for now
 * @throws RowsInTheWay if a row that does not move has the key of a moving row, or a copy has another value in an identity column, which
 * cannot be updated
 */
export async function writeRows(side: MoveSide, table: ShardTable, rows: readonly TextRow[], blank: readonly string[] = []): Promise<void> {
  if (rows.length === 0) return
  const { session, objects } = side
  const { columns, key, name } = table
  const written = columns.flatMap((column, at) => column.generated ? [] : [{ ...column, sql: identifier(column.name), at }])
  const set = written.filter(({ fixed }) => !fixed).map(({ sql }) => `${sql} = excluded.${sql}`).join(', ')
  const same = written.filter(({ fixed }) => fixed).map(({ sql }) => ` and t.${sql} = excluded.${sql}`).join('')
  const given = written.map((_, at) => `$${at + 1}::text[]`).join(', ')
  const values = written.map(column => rows.map(row => blank.includes(column.name) ? null : row[column.at]!))
  const count = await session.execute(`insert into ${objects.table(name)} as t (${written.map(({ sql }) => sql).join(', ')})
    overriding system value select ${written.map(({ type }, at) => `c${at}::${type}`).join(', ')}
    from unnest(${given}) as given (${written.map((_, at) => `c${at}`).join(', ')})
    on conflict (${key.map(column => identifier(column.name)).join(', ')})
    do ${set ? `update set ${set} where ${moves(side, table)}${same}` : 'nothing'}`, values)
  if (!set || count === rows.length) return
  throw new RowsInTheWay(`The shard ${session.shard} has other rows in ${name} with the primary keys of rows that move `
    + `(${rows.length - count} of ${rows.length}): use keys that are unique over all shards, such as UUIDs.`)
}

/** Deletes the moving rows with the given keys. */
export async function deleteMovedRows(side: MoveSide, table: ShardTable, keys: readonly Key[]): Promise<number> {
  if (keys.length === 0) return 0
  const { session, objects } = side
  return session.execute(`delete from ${objects.table(table.name)} t using ${keyTable(table)} where ${sameKey(table)} and `
    + `${moves(side, table)}`, keyColumns(table, keys))
}

/** Sets the columns that reference the same table to NULL in the rows with the given keys, so that referenced rows can be deleted first. */
export async function detachRows(side: MoveSide, table: ShardTable, keys: readonly Key[]): Promise<number> {
  if (keys.length === 0 || table.selfColumns.length === 0) return 0
  const { session, objects } = side
  return session.execute(`update ${objects.table(table.name)} t set ${emptied(table)} from ${keyTable(table)}
    where ${sameKey(table)} and ${moves(side, table)}`, keyColumns(table, keys))
}

/** Does the same as {@link detachRows} for up to `limit` moving rows. @returns the number of changed rows */
export async function detachSome(side: MoveSide, table: ShardTable, limit: number): Promise<number> {
  if (table.selfColumns.length === 0) return 0
  const name = side.objects.table(table.name)
  const attached = table.selfColumns.map(column => `t.${identifier(column)} is not null`).join(' or ')
  return side.session.execute(`update ${name} set ${emptied(table)} where ctid = any(array(select t.ctid from ${name} t where `
    + `(${attached}) and ${moves(side, table)} limit ${limit}))`)
}

/** Reads up to `limit` keys of moving rows that reference the rows with the given keys. */
export async function readPointing(
  side: MoveSide,
  child: ShardTable,
  { columns, toColumns }: ForeignKey,
  table: ShardTable,
  keys: readonly Key[],
  limit: number,
): Promise<Key[]> {
  const { session, objects } = side
  const points = columns.map((column, at) => `t.${identifier(column)} = parent.${identifier(toColumns[at]!)}`).join(' and ')
  const rows = await session.rows(`select distinct ${keyText(child)} from ${keyTable(table)}
    join ${objects.table(table.name)} parent on ${sameKey(table, 'parent')}
    join ${objects.table(child.name)} t on ${points} where ${moves(side, child)} limit ${limit}`, keyColumns(table, keys))
  return rows.map(([key]) => JSON.parse(key!) as string[])
}

/** Reads the hashes of the moving rows with the given keys, by their keys as JSON. */
export async function hashRows(side: MoveSide, table: ShardTable, keys: readonly Key[]): Promise<Map<string, string>> {
  const { session, objects } = side
  const rows = await session.rows(`select ${keyText(table)}, ${hashOfRow(table)} from ${objects.table(table.name)} t, ${keyTable(table)}
    where ${sameKey(table)} and ${moves(side, table)}`, keyColumns(table, keys))
  return new Map(rows.map(([key, hash]) => [key!, hash!]))
}

/** Deletes up to `limit` moving rows. */
export function deleteSome(side: MoveSide, table: ShardTable, limit: number): Promise<number> {
  const name = side.objects.table(table.name)
  return side.session.execute(`delete from ${name} where ctid = any(array(select t.ctid from ${name} t where ${moves(side, table)} `
    + `limit ${limit}))`)
}

/** Counts the moving rows. */
export async function countRows(side: MoveSide, table: ShardTable): Promise<number> {
  const [[count] = []] = await side.session.rows(`select count(*) from ${side.objects.table(table.name)} t where ${moves(side, table)}`)
  return Number(count)
}

/** The key of a row that `readPage` or `readRows` returned. */
export function rowKey(table: ShardTable, row: TextRow): Key {
  return table.key.map(({ name }) => row[table.columns.findIndex(column => column.name === name)]!)
}

/** SQL condition: the row moves. */
export function moves(side: MoveSide, table: ShardTable, row = 't'): string {
  return `${slotOfRow(side, table, row)} is not null`
}

/** SQL expression: the slot of a row, or NULL if it does not move. */
export function slotOfRow({ objects }: MoveSide, { idColumn }: ShardTable, row = 't'): string {
  return `${objects.slot}(${row}.${identifier(idColumn)}::text)`
}

/** SQL expression: the key of the row `t`, as JSON. */
export function keyText({ key }: ShardTable): string {
  return `array_to_json(array[${key.map(({ name }) => `t.${identifier(name)}::text`).join(', ')}])::text`
}

/** SQL expression: the MD5 hash of the row `t`. The columns have the same order on every shard. */
export function hashOfRow({ columns }: ShardTable): string {
  return `md5(array[${columns.map(({ name }) => `t.${identifier(name)}::text`).join(', ')}]::text)`
}

function emptied({ selfColumns }: ShardTable): string {
  return selfColumns.map(column => `${identifier(column)} = null`).join(', ')
}

function textsOf({ columns }: ShardTable): string {
  return columns.map(({ name }) => `t.${identifier(name)}::text`).join(', ')
}

function keyTable({ key }: ShardTable): string {
  return `unnest(${key.map((_, at) => `$${at + 1}::text[]`).join(', ')}) as wanted (${key.map((_, at) => `k${at}`).join(', ')})`
}

/** SQL condition on value and spelling. The index finds the value; types such as `citext` treat different spellings as equal. */
function sameKey({ key }: ShardTable, row = 't'): string {
  return key.map(({ name, type }, at) => {
    const value = `${row}.${identifier(name)}`
    return `${value} = wanted.k${at}::${type} and ${value}::text = wanted.k${at}`
  }).join(' and ')
}

function keyColumns({ key }: ShardTable, keys: readonly Key[]): string[][] {
  return key.map((_, at) => keys.map(one => one[at]!))
}
