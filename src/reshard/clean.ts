import { parseRanges } from '../runtime/server/shards/ranges'
import { ReshardError } from './errors'
import type { NamedMap } from './map-store'
import { refuseSplitFamilies } from './families'
import type { MoveSide } from './guard'
import { removeGuard } from './guard'
import { moveId, objectsOf } from './objects'
import type { MoveRecord } from './record'
import { readRecords, removeRecord } from './record'
import { countRows, deleteSome, detachSome } from './rows'
import { deleteInSilence, inSilence, mustSilence } from './silence'
import type { ShardSession } from './session'
import { describeTables } from './tables'

/** Rows that a finished move has left on a shard. */
export interface Leftover {
  shard: string
  from: string
  to: string
  slots: string
  tables: { table: string, rows: number }[]
  deleted: boolean
}

/** Options of {@link cleanShard}. */
export interface CleanOptions {
  /** Whether to delete the rows. Otherwise they are only counted. */
  remove: boolean
  /**
   * Lets the triggers and rules of the app fire for the deleted rows.
   *
   * @default false
   */
  fireTriggers?: boolean
  batch: number
  signal: AbortSignal
  onDeleted: (table: string, rows: number) => void
}

/**
 * Counts the rows that finished moves have left on a shard, or deletes them together with the guard that rejects writes to them.
 *
 * @param maps the map that commands store, then other maps that the app may start with
 * @throws ReshardError if a map still reads these rows, or may read them when a killed command is run again
 */
export async function cleanShard(
  session: ShardSession,
  [stored, ...others]: readonly [NamedMap, ...NamedMap[]],
  options: CleanOptions,
): Promise<Leftover[]> {
  const leftovers: Leftover[] = []
  for (const record of await readRecords(session)) {
    if (record.role !== 'left') continue
    refuseUnfinished(session, record, stored)
    for (const one of [stored, ...others]) refuseRead(session, record, one)
    const side: MoveSide = {
      id: record.id,
      session,
      objects: objectsOf(session, record.id),
      tables: await describeTables(session, record.tables),
    }
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

async function removeRows(side: MoveSide, { batch, signal, fireTriggers, onDeleted }: CleanOptions): Promise<boolean> {
  await refuseSplitFamilies(side)
  const silent = !fireTriggers && await mustSilence(side)
  for (const table of [...side.tables].reverse()) {
    for (const remove of [detachSome, silent ? deleteInSilence : deleteSome]) {
      for (let rows = batch; rows > 0;) {
        if (signal.aborted) return false
        rows = silent ? await inSilence(side, () => remove(side, table, batch)) : await remove(side, table, batch)
        if (remove !== detachSome) onDeleted(table.name, rows)
      }
    }
  }
  return true
}

/** A move is finished only when a map without it is stored, even if the databases are ready before. */
function refuseUnfinished({ shard }: ShardSession, record: MoveRecord, { name, map }: NamedMap): void {
  const { from, to, mapVersion } = record
  if (map.version < mapVersion) {
    throw new ReshardError(`${name} has version ${map.version}, but the shard ${shard} has seen version ${mapVersion}: `
      + 'restore the map that the last command stored.')
  }
  if (!map.moving.some(move => moveId(move, map) === record.id)) return
  throw new ReshardError(`${name} still contains the move from ${from} to ${to}, because a command was interrupted: `
    + `run "nuxt-scale shards move ${shard === from ? '--finish' : '--back'}" before you clean up its rows.`)
}

function refuseRead({ shard }: ShardSession, { from, to, slots }: MoveRecord, { name, map }: NamedMap): void {
  const isRead = (slot: number) => map.owners[slot] === shard
    || map.moving.some(move => move.state === 'read-new' && move.to === shard && move.slots.includes(slot))
  const read = parseRanges(slots, map.owners.length, 'slots').find(isRead)
  if (read !== undefined) {
    throw new ReshardError(`${name} says that ${shard} owns slot ${read}, but the move from ${from} to ${to} has taken this slot from it: `
      + 'restore the map that the last command stored, and give it to every instance.')
  }
}
