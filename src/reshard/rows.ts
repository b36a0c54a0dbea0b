import { ReshardError } from './errors'
import type { MoveSide } from './guard'
import { identifier } from './quote'
import type { TextRow } from './session'
import type { ForeignKey, ShardTable } from './shard-table'

/** The text of every key column of a row. */
export type Key = readonly string[]

/** A page of a table in the order of its key: the rows that move. @param after the last key of the page before */
export function readPage(side: MoveSide, table: ShardTable, after: Key | undefined, limit: number): Promise<TextRow[]> {
  const { session, objects } = side
  const keys = table.key.map(({ name }) => `t.${identifier(name)}`).join(', ')
  const beyond = after ? `and (${keys}) > (${table.key.map(({ type }, at) => `($1::text[])[${at + 1}]::${type}`).join(', ')})` : ''
  return session.rows(`select ${textsOf(table)} from ${objects.table(table.name)} t where ${moves(side, table)} ${beyond} order by ${keys} limit ${limit}`, after ? [after] : [])
}

/** The rows that keys name and that move. */
export function readRows(side: MoveSide, table: ShardTable, keys: readonly Key[]): Promise<TextRow[]> {
  const { session, objects } = side
  return session.rows(`select ${textsOf(table)} from ${objects.table(table.name)} t, ${keyTable(table)} where ${sameKey(table)} and ${moves(side, table)}`, keyColumns(table, keys))
}

/** Rows could not be written over what has their keys. */
export class RowsInTheWay extends ReshardError {}

/**
 * Writes rows as they are, over older copies of themselves. The key is written too: equal keys need not be spelled in one way.
 *
 * @param blank columns that are written as NULL for now
 * @throws RowsInTheWay when a row that does not move has the key of one that does, or a copy has another number in an identity column,
 * which cannot be written over
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
  throw new RowsInTheWay(`The shard ${session.shard} has rows of its own in ${name} with the primary key of rows that move `
    + `(${rows.length - count} of ${rows.length}): keys must be unique over all shards, as UUIDs are.`)
}

/** Deletes the rows that keys name and that move. */
export async function deleteRows(side: MoveSide, table: ShardTable, keys: readonly Key[]): Promise<number> {
  if (keys.length === 0) return 0
  const { session, objects } = side
  return session.execute(`delete from ${objects.table(table.name)} t using ${keyTable(table)} where ${sameKey(table)} and ${moves(side, table)}`, keyColumns(table, keys))
}

/** Empties the columns of rows that keys name by which they point at rows of their own table, so that these can be deleted before them. */
export async function detachRows(side: MoveSide, table: ShardTable, keys: readonly Key[]): Promise<number> {
  if (keys.length === 0 || table.selfColumns.length === 0) return 0
  const { session, objects } = side
  return session.execute(`update ${objects.table(table.name)} t set ${emptied(table)} from ${keyTable(table)}
    where ${sameKey(table)} and ${moves(side, table)}`, keyColumns(table, keys))
}

/** The same for up to `limit` of the rows that move. @returns how many there were */
export async function detachSome(side: MoveSide, table: ShardTable, limit: number): Promise<number> {
  if (table.selfColumns.length === 0) return 0
  const name = side.objects.table(table.name)
  const attached = table.selfColumns.map(column => `t.${identifier(column)} is not null`).join(' or ')
  return side.session.execute(`update ${name} set ${emptied(table)} where ctid = any(array(select t.ctid from ${name} t where (${attached}) and ${moves(side, table)} limit ${limit}))`)
}

/** Up to `limit` keys of rows that move and that point at the rows which keys name. */
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

/** What rows hold, by the text of their keys as JSON: those that keys name and that move. */
export async function hashRows(side: MoveSide, table: ShardTable, keys: readonly Key[]): Promise<Map<string, string>> {
  const { session, objects } = side
  const rows = await session.rows(`select ${keyText(table)}, ${hashOfRow(table)} from ${objects.table(table.name)} t, ${keyTable(table)}
    where ${sameKey(table)} and ${moves(side, table)}`, keyColumns(table, keys))
  return new Map(rows.map(([key, hash]) => [key!, hash!]))
}

/** Deletes up to `limit` of the rows that move. */
export function deleteSome(side: MoveSide, table: ShardTable, limit: number): Promise<number> {
  const name = side.objects.table(table.name)
  return side.session.execute(`delete from ${name} where ctid = any(array(select t.ctid from ${name} t where ${moves(side, table)} limit ${limit}))`)
}

/** How many rows move. */
export async function countRows(side: MoveSide, table: ShardTable): Promise<number> {
  const [[count] = []] = await side.session.rows(`select count(*) from ${side.objects.table(table.name)} t where ${moves(side, table)}`)
  return Number(count)
}

/** The key of a row as `readPage` and `readRows` give it. */
export function keyOf(table: ShardTable, row: TextRow): Key {
  return table.key.map(({ name }) => row[table.columns.findIndex(column => column.name === name)]!)
}

/** SQL: whether a row moves. */
export function moves(side: MoveSide, table: ShardTable, row = 't'): string {
  return `${slotOfRow(side, table, row)} is not null`
}

/** SQL: the slot of a row, NULL when it does not move. */
export function slotOfRow({ objects }: MoveSide, { idColumn }: ShardTable, row = 't'): string {
  return `${objects.slot}(${row}.${identifier(idColumn)}::text)`
}

/** SQL: the key of the row `t`, as JSON. */
export function keyText({ key }: ShardTable): string {
  return `array_to_json(array[${key.map(({ name }) => `t.${identifier(name)}::text`).join(', ')}])::text`
}

/** SQL: what the row `t` holds, in 32 digits. The columns are in the same order everywhere. */
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

/** By the value, which an index finds, and by its spelling: for some types, such as `citext`, two spellings are equal. */
function sameKey({ key }: ShardTable, row = 't'): string {
  return key.map(({ name, type }, at) => {
    const value = `${row}.${identifier(name)}`
    return `${value} = wanted.k${at}::${type} and ${value}::text = wanted.k${at}`
  }).join(' and ')
}

function keyColumns({ key }: ShardTable, keys: readonly Key[]): string[][] {
  return key.map((_, at) => keys.map(one => one[at]!))
}
