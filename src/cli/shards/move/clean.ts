import type { SlotMap } from '../../../runtime/server/shards/slot-map'
import { parseRanges } from '../../../runtime/server/shards/ranges'
import { CliFailure } from '../../support/exit'
import type { MoveSide } from './guard'
import { removeGuard } from './guard'
import { objectsOf } from './objects'
import { identifier } from './quote'
import type { MoveRecord } from './record'
import { readRecords, removeRecord } from './record'
import { countRows, deleteSome, detachSome, moves } from './rows'
import type { ShardSession } from './session'
import type { ShardTable } from './tables'
import { describeTables, readForeignKeys } from './tables'

/** What is left on a shard of a move that is over. */
export interface Leftover {
  shard: string
  from: string
  to: string
  slots: string
  tables: { table: string, rows: number }[]
  deleted: boolean
}

/** How leftovers are treated. */
export interface CleanOptions {
  /** Without it they are counted only. */
  remove: boolean
  batch: number
  signal: AbortSignal
  onDeleted: (table: string, rows: number) => void
}

/**
 * Counts, or deletes, the rows that finished moves have left on a shard, and what refuses writes to them.
 *
 * @throws CliFailure when the map says that the shard holds them
 */
export async function cleanShard(session: ShardSession, map: SlotMap, options: CleanOptions): Promise<Leftover[]> {
  const leftovers: Leftover[] = []
  for (const record of await readRecords(session)) {
    if (record.role !== 'left') continue
    refuseOwned(session, record, map)
    const side: MoveSide = { id: record.id, session, objects: objectsOf(session, record.id), tables: await describeTables(session, record.tables) }
    const tables: Leftover['tables'] = []
    for (const table of side.tables) tables.push({ table: table.name, rows: await countRows(side, table) })
    const deleted = options.remove && await removeRows(side, options)
    if (deleted) {
      await removeGuard(side)
      await removeRecord(session, record.id)
    }
    leftovers.push({ shard: session.shard, from: record.from, to: record.to, slots: record.slots, tables, deleted })
  }
  return leftovers
}

async function removeRows(side: MoveSide, { batch, signal, onDeleted }: CleanOptions): Promise<boolean> {
  await refuseSplitFamilies(side)
  for (const table of [...side.tables].reverse()) {
    for (const remove of [detachSome, deleteSome]) {
      for (let rows = batch; rows > 0;) {
        if (signal.aborted) return false
        rows = await remove(side, table, batch)
        if (remove === deleteSome) onDeleted(table.name, rows)
      }
    }
  }
  return true
}

function refuseOwned(session: ShardSession, { from, to, slots }: MoveRecord, map: SlotMap): void {
  const owned = parseRanges(slots, map.owners.length, 'slots').filter(slot => map.owners[slot] === session.shard)
  if (owned.length > 0) throw new CliFailure(`The map says that ${session.shard} holds slot ${owned[0]}, which the move from ${from} to ${to} has taken from it: restore the map that the last command stored.`)
}

/**
 * A row that stays may point at a row that goes: its foreign key would refuse the deletion, or delete it too.
 *
 * @throws CliFailure naming the foreign key
 */
export async function refuseSplitFamilies(side: MoveSide): Promise<void> {
  const { session, objects, tables } = side
  for (const { name, from, columns, to, toColumns } of await readForeignKeys(session)) {
    const [child, parent] = [from, to].map(table => tables.find(one => one.name === table)) as [ShardTable | undefined, ShardTable | undefined]
    if (!child || !parent) continue
    const same = columns.map((column, at) => `t.${identifier(column)} = parent.${identifier(toColumns[at]!)}`).join(' and ')
    const parentMoves = `exists (select from ${objects.table(to)} parent where ${same} and ${moves(side, parent, 'parent')})`
    const [[split] = []] = await session.rows(`select exists (select from ${objects.table(from)} t where not ${moves(side, child)} and ${parentMoves})`)
    if (split === 't') throw new CliFailure(`Rows of ${from} that stay on ${session.shard} point at rows of ${to} that do not (${name}): a row and what it points at must have ids of the same slot.`)
  }
}
