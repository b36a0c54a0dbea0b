import { ReshardError, ShardStatementError } from './errors'
import type { MoveSide } from './guard'
import type { Key } from './rows'
import { RowsInTheWay, deleteMovedRows, detachRows, rowKey, readPointing, readRows, writeRows } from './rows'
import type { TextRow } from './session'
import type { ForeignKey, ShardTable } from './shard-table'
import { readForeignKeys, readTellingColumns } from './tables'

/** The two sides of a move: the app writes to the leader, and the follower receives its changes. */
export interface MovePair {
  leader: MoveSide
  follower: MoveSide
  /** Whether an id moves, by the same function that the app uses to find its shard. */
  isMoving: (id: string) => boolean
}

/** Tables whose copy has begun. `allThere`: every row is copied once, so rows can reference each other. */
export type CopyState = ReadonlyMap<number, { allThere: boolean }>

/** Changes that are read in one statement. */
const PAGE = 1000
/** SQLSTATEs of a conflict between rows: unique constraint, exclusion constraint, foreign key. */
const IN_THE_WAY = ['23505', '23P01', '23503', '23001']

/**
 * Brings the follower to the exact state of one snapshot of the leader: every row that has changed since the last call is written to the
 * follower, or deleted there. `work` runs in the same snapshot, so it reads the same state on both sides.
 *
 * The follower's transaction is committed before the leader deletes the recorded changes. If the command is killed in between, the
 * changes are applied again, with the same result.
 */
export async function sync<T>(pair: MovePair, copied: CopyState, work: () => Promise<T>): Promise<T> {
  const { leader, follower } = pair
  const { changes } = leader.objects
  const { result, snapshot } = await leader.session.transaction(async () => {
    const [[snapshot] = []] = await leader.session.rows('select pg_current_snapshot()')
    const counts = await leader.session.rows(`select "table", count(*) from ${changes} group by "table"`)
    const changed = leader.tables.filter(({ index }) => counts.some(([table]) => Number(table) === index))
    // A table whose copy has not begun will be copied in its later state.
    const begun = changed.filter(({ index }) => copied.has(index))
    const result = await follower.session.transaction(async () => {
      if (begun.length > 0) await applyChanges(pair, begun, copied)
      const result = await work()
      // These changes are applied now, and `work` has read them.
      if (begun.length > 0) await follower.session.execute(`delete from ${follower.objects.changes}`)
      return result
    })
    return { result, snapshot: changed.length > 0 ? snapshot! : undefined }
  }, 'isolation level repeatable read read only')
  if (snapshot !== undefined) {
    await leader.session.execute(`delete from ${changes} where pg_visible_in_snapshot(transaction, $1::pg_snapshot)`, [snapshot])
  }
  return result
}

/** Number of changes that are not yet applied to the follower. */
export async function countChanges({ session, objects }: MoveSide): Promise<number> {
  const [[count] = []] = await session.rows(`select count(*) from ${objects.changes}`)
  return Number(count)
}

/**
 * Applies changes: parents are written before their children, and deleted after them. On a conflict, conflicting rows are deleted first.
 */
async function applyChanges(pair: MovePair, tables: readonly ShardTable[], copied: CopyState): Promise<void> {
  const { session } = pair.follower
  await session.execute('savepoint changes')
  try {
    for (const table of tables) await writeChanged(pair, table, copied, [pair.leader])
    for (const table of [...tables].reverse()) await deleteChanged(pair, table)
  }
  catch (error) {
    const isInTheWay = error instanceof RowsInTheWay || (error instanceof ShardStatementError && IN_THE_WAY.includes(error.code ?? ''))
    if (!isInTheWay) throw error
    await session.execute('rollback to savepoint changes')
    await rewriteChanged(pair, tables, copied)
  }
  await session.execute('release savepoint changes')
}

/**
 * Deletes every row that could conflict with another, and all rows that reference it, then writes all of them in the state of the leader.
 * So the follower never contains two rows that cannot exist together in the leader's snapshot.
 */
async function rewriteChanged(pair: MovePair, tables: readonly ShardTable[], copied: CopyState): Promise<void> {
  const { leader, follower } = pair
  const foreignKeys = await readForeignKeys(follower.session)
  for (const table of [...tables].reverse()) {
    const target = follower.tables[table.index]!
    const telling = await readTellingColumns(follower, target)
    for await (const keys of changedKeys(leader, table)) {
      const ours = new Map((await readRows(leader, table, keys)).map(row => [JSON.stringify(rowKey(table, row)), row]))
      const isInTheWay = (row: TextRow) => {
        const now = ours.get(JSON.stringify(rowKey(target, row)))
        return !now || target.columns.some(({ name }, at) => telling.has(name) && row[at] !== now[at])
      }
      const inTheWay = (await readRows(follower, target, keys)).filter(isInTheWay)
      await takeAway(follower, target, inTheWay.map(row => rowKey(target, row)), foreignKeys)
    }
  }
  for (const table of leader.tables) {
    if (copied.has(table.index)) await writeChanged(pair, table, copied, [leader, follower])
  }
}

/**
 * Deletes rows, and before them all rows that reference them. The keys of the referencing rows are recorded as changes of the follower,
 * so that they are written again.
 *
 * @returns the number of deleted rows
 */
async function takeAway(follower: MoveSide, table: ShardTable, keys: readonly Key[], foreignKeys: readonly ForeignKey[]): Promise<number> {
  if (keys.length === 0) return 0
  for (const foreignKey of foreignKeys.filter(({ to }) => to === table.name)) {
    const child = follower.tables.find(({ name }) => name === foreignKey.from)
    if (!child) continue
    for (let pointing: Key[]; (pointing = await readPointing(follower, child, foreignKey, table, keys, PAGE)).length > 0;) {
      await keepKeys(follower, child, pointing)
      const gone = child === table ? await detachRows(follower, table, pointing) : await takeAway(follower, child, pointing, foreignKeys)
      if (gone > 0) continue
      throw new ReshardError(`Rows of ${child.name} on ${follower.session.shard} cannot be deleted (${foreignKey.name}): `
        + 'remove the trigger or rule of the table that keeps them.')
    }
  }
  return deleteMovedRows(follower, table, keys)
}

function keepKeys({ session, objects }: MoveSide, { index }: ShardTable, keys: readonly Key[]): Promise<number> {
  return session.execute(`insert into ${objects.changes} ("table", key) select $1, array(select json_array_elements_text(key::json))
    from unnest($2::text[]) as kept (key)`, [index, keys.map(key => JSON.stringify(key))])
}

/** @param changed the sides whose recorded changes are written */
async function writeChanged(pair: MovePair, table: ShardTable, copied: CopyState, changed: readonly MoveSide[]): Promise<void> {
  const { leader, follower } = pair
  const target = follower.tables[table.index]!
  const whole = table.selfColumns.length === 0
  // The first pass leaves out columns that may reference rows of a later page.
  const passes = whole ? [[]] : copied.get(table.index)!.allThere ? [table.selfColumns, []] : [table.selfColumns]
  for (const blank of passes) {
    for (const side of changed) {
      for await (const keys of changedKeys(side, table)) await writeRows(follower, target, await readRows(leader, table, keys), blank)
    }
  }
}

async function deleteChanged({ leader, follower }: MovePair, table: ShardTable): Promise<void> {
  const target = follower.tables[table.index]!
  if (table.selfColumns.length > 0) {
    for await (const keys of goneKeys(leader, table)) await detachRows(follower, target, keys)
  }
  for await (const keys of goneKeys(leader, table)) await deleteMovedRows(follower, target, keys)
}

/** Yields, page by page, the keys of changed rows that are deleted or do not move any more. */
async function* goneKeys(leader: MoveSide, table: ShardTable): AsyncGenerator<Key[]> {
  for await (const keys of changedKeys(leader, table)) {
    const there = new Set((await readRows(leader, table, keys)).map(row => JSON.stringify(rowKey(table, row))))
    yield keys.filter(key => !there.has(JSON.stringify(key)))
  }
}

/** Yields the recorded keys of changed rows, page by page. A page contains each key at most once. */
export async function* changedKeys({ session, objects }: MoveSide, { index }: ShardTable): AsyncGenerator<Key[]> {
  for (let after = '-1'; ;) {
    const page = await session.rows(`select position, array_to_json(key) from ${objects.changes} where "table" = $1 and position > $2 `
      + `order by position limit ${PAGE}`, [index, after])
    if (page.length === 0) return
    after = page.at(-1)![0]!
    yield [...new Set(page.map(([, key]) => key!))].map(key => JSON.parse(key) as string[])
  }
}
