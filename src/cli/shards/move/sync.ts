import type { MoveSide } from './guard'
import type { Key } from './rows'
import { deleteRows, detachRows, keyOf, readRows, writeRows } from './rows'
import { ShardStatementError } from './session'
import type { ShardTable } from './tables'

/** The two sides of a move: the one that is written to, and the one that is brought after it. */
export interface MovePair {
  leader: MoveSide
  follower: MoveSide
  /** Whether an id moves, by the function with which the app finds its shard. */
  isMoving: (id: string) => boolean
}

/** The tables whose copy has begun, and whether every row of it has been copied once, so that rows may point at each other. */
export type CopyState = ReadonlyMap<number, { allThere: boolean }>

/** Changes that are read at a time. */
const PAGE = 1000
/** SQLSTATE of a value that is taken, which the deletion of another row may set free. */
const UNIQUE_VIOLATION = '23505'

/**
 * Brings the follower to one moment of the leader, exactly: in a snapshot of the leader, every row that has changed since the last time
 * is written to the follower, or deleted there. `work` runs in the same snapshot, so that what it reads on one side is what stands on the other.
 *
 * The follower's transaction is committed before the leader forgets the changes: killed between the two, they are applied once more, to the same end.
 */
export async function sync<T>(pair: MovePair, copied: CopyState, work: () => Promise<T>): Promise<T> {
  const { leader, follower } = pair
  const { changes } = leader.objects
  const { result, snapshot } = await leader.session.transaction(async () => {
    const [[snapshot] = []] = await leader.session.rows('select pg_current_snapshot()')
    const counts = await leader.session.rows(`select "table", count(*) from ${changes} group by "table"`)
    const changed = leader.tables.filter(({ index }) => counts.some(([table]) => Number(table) === index))
    // A table whose copy has not begun will be copied as it is then.
    const begun = changed.filter(({ index }) => copied.has(index))
    const result = await follower.session.transaction(async () => {
      if (begun.length > 0) await applyChanges(pair, begun, copied)
      return work()
    })
    return { result, snapshot: changed.length > 0 ? snapshot! : undefined }
  }, 'isolation level repeatable read read only')
  if (snapshot !== undefined) await leader.session.execute(`delete from ${changes} where pg_visible_in_snapshot(transaction, $1::pg_snapshot)`, [snapshot])
  return result
}

/** How many changes have not yet reached the follower. */
export async function countChanges({ session, objects }: MoveSide): Promise<number> {
  const [[count] = []] = await session.rows(`select count(*) from ${objects.changes}`)
  return Number(count)
}

/**
 * Parents are written before their children, and deleted after them. A row may take over a value that must be unique from one that is
 * deleted: then the deletions come first.
 */
async function applyChanges(pair: MovePair, tables: readonly ShardTable[], copied: CopyState): Promise<void> {
  const { session } = pair.follower
  const write = async () => {
    for (const table of tables) await writeChanged(pair, table, copied.get(table.index)!.allThere)
  }
  const remove = async () => {
    for (const table of [...tables].reverse()) await deleteChanged(pair, table)
  }
  await session.execute('savepoint changes')
  try {
    await write()
    await remove()
  }
  catch (error) {
    if (!(error instanceof ShardStatementError) || error.code !== UNIQUE_VIOLATION) throw error
    await session.execute('rollback to savepoint changes')
    await remove()
    await write()
  }
  await session.execute('release savepoint changes')
}

async function writeChanged({ leader, follower }: MovePair, table: ShardTable, allThere: boolean): Promise<void> {
  const target = follower.tables[table.index]!
  if (table.selfColumns.length > 0) {
    // First without what may point at a row that comes later.
    for await (const keys of changedKeys(leader, table)) await writeRows(follower, target, await readRows(leader, table, keys), table.selfColumns)
    if (!allThere) return
  }
  for await (const keys of changedKeys(leader, table)) await writeRows(follower, target, await readRows(leader, table, keys))
}

async function deleteChanged({ leader, follower }: MovePair, table: ShardTable): Promise<void> {
  const target = follower.tables[table.index]!
  if (table.selfColumns.length > 0) {
    for await (const keys of goneKeys(leader, table)) await detachRows(follower, target, keys)
  }
  for await (const keys of goneKeys(leader, table)) await deleteRows(follower, target, keys)
}

/** The keys of changed rows that are no more, or move no more, page by page. */
async function* goneKeys(leader: MoveSide, table: ShardTable): AsyncGenerator<Key[]> {
  for await (const keys of changedKeys(leader, table)) {
    const there = new Set((await readRows(leader, table, keys)).map(row => JSON.stringify(keyOf(table, row))))
    yield keys.filter(key => !there.has(JSON.stringify(key)))
  }
}

/** The keys of changed rows, page by page, each at most once a page. */
async function* changedKeys({ session, objects }: MoveSide, { index }: ShardTable): AsyncGenerator<Key[]> {
  for (let after = '-1'; ;) {
    const page = await session.rows(`select position, array_to_json(key) from ${objects.changes} where "table" = $1 and position > $2 order by position limit ${PAGE}`, [index, after])
    if (page.length === 0) return
    after = page.at(-1)![0]!
    yield [...new Set(page.map(([, key]) => key!))].map(key => JSON.parse(key) as string[])
  }
}
