import { placeBySlot } from '../runtime/server/shards/placement'
import { formatRanges } from '../runtime/server/shards/ranges'
import type { ShardsSettings } from '../runtime/server/shards/settings'
import type { SlotMap, SlotMove } from '../runtime/server/shards/slot-map'
import { ReshardError } from './errors'
import type { MapStore } from './map-store'
import { refuseSplitFamilies } from './families'
import type { MoveSide } from './guard'
import { installGuard, removeGuard, setGuard } from './guard'
import { findMove } from './map-step'
import { moveId, objectsOf } from './objects'
import type { OpenMove } from './move'
import type { MoveRecord } from './record'
import { createRecord, readRecords, removeRecord, writeRole } from './record'
import { countRows } from './rows'
import { refuseSharedNumbers } from './sequences'
import type { ShardAddress } from './open-session'
import type { ShardSession } from './session'
import { openSession } from './open-session'
import type { WantedSlots } from './slot-function'
import { wantedSlots } from './slot-function'
import type { MovePair } from './sync'
import type { NamedTable } from './shard-table'
import { describeTables, orderTables, refuseDifferentTables } from './tables'

/** Input of {@link openMove}. */
export interface OpenMoveInput {
  store: MapStore
  settings: ShardsSettings
  /** The move, as it was selected before the shards were locked. */
  move: SlotMove
  /** Whether the command must stop if another command has changed the state of the move. */
  sameState?: boolean
  addressOf: (shard: string) => ShardAddress
  /** Returns the tables in any order. Called only if the move has not begun. */
  tables: () => NamedTable[]
  /** Whether `tables` comes from a flag. Then it must match the tables of a move that has begun. */
  tablesGiven: boolean
  /** Whether a move that has not begun may begin. Otherwise both of its roles stay undefined. */
  mayBegin: boolean
}

/**
 * Locks both shards of a move, then reads the map and the tables. They are read after locking, because another command may have changed
 * them while this one waited.
 *
 * @throws ReshardError if the map and the databases do not match
 */
export async function openMove({
  store,
  settings,
  move: chosen,
  sameState,
  addressOf,
  tables,
  tablesGiven,
  mayBegin,
}: OpenMoveInput): Promise<OpenMove> {
  const addresses = [addressOf(chosen.from), addressOf(chosen.to)] as const
  if (addresses[0].url === addresses[1].url && addresses[0].schema === addresses[1].schema) {
    throw new ReshardError(`The shards ${chosen.from} and ${chosen.to} have the same address: give each shard its own database or schema.`)
  }
  const sessions: ShardSession[] = []
  const close = async () => {
    await Promise.all(sessions.map(session => session.close()))
  }
  try {
    for (const address of addresses) sessions.push(await openSession(address))
    const [from, to] = sessions as [ShardSession, ShardSession]
    const map = await store.read()
    const move = refuseOtherMove(map, chosen, { name: store.name, sameState })
    const id = moveId(move, map)
    const records = { from: await readRecords(from), to: await readRecords(to) }
    const known = map.moving.map(one => moveId(one, map))
    refuseLeftovers([
      ...records.from.map(record => ({ record, shard: move.from })),
      ...records.to.map(record => ({ record, shard: move.to })),
    ], known)
    const mine = { from: records.from.find(record => record.id === id), to: records.to.find(record => record.id === id) }
    refuseOldMap([mine.from, mine.to], map)
    const begun = (mine.from ?? mine.to)?.tables
    const isMoving = movingIds(settings, map, move)
    if (!begun && !mayBegin) {
      return { id, map, move, from: bare(from, id), to: bare(to, id), roles: { from: undefined, to: undefined }, isMoving, close }
    }
    const ordered = begun ?? await orderTables(from, tables())
    if (begun && tablesGiven && !sameTables(begun, tables())) {
      const others = begun.map(([table, column]) => `${table}:${column}`).join(',')
      throw new ReshardError(`The move from ${move.from} to ${move.to} has begun with other tables (${others}): `
        + 'leave out --tables, or take the move back with --back first.')
    }
    const side = async (session: ShardSession): Promise<MoveSide> => ({
      id,
      session,
      objects: objectsOf(session, id),
      tables: await describeTables(session, ordered),
    })
    const open = {
      id,
      map,
      move,
      from: await side(from),
      to: await side(to),
      roles: { from: mine.from?.role, to: mine.to?.role },
      isMoving,
      close,
    }
    refuseDifferentTables(open.from.tables, open.to.tables, move)
    await settle(open, { settings, ordered })
    return open
  }
  catch (error) {
    await close()
    throw error
  }
}

/** Returns a function that tells whether an id moves. An id with an override or a region prefix does not belong to a slot. */
function movingIds(settings: ShardsSettings, map: SlotMap, { slots }: SlotMove): OpenMove['isMoving'] {
  const wanted = new Set(slots)
  const { locate } = placeBySlot({ ...settings, slotMap: { ...map, moving: [] } })
  return (id) => {
    const { slot } = locate(id)
    return slot !== undefined && wanted.has(slot)
  }
}

function bare(session: ShardSession, id: string): MoveSide {
  return { id, session, objects: objectsOf(session, id), tables: [] }
}

/** @returns the move in its current state */
function refuseOtherMove(map: SlotMap, chosen: SlotMove, { name, sameState = false }: { name: string, sameState?: boolean }): SlotMove {
  const move = findMove(map, chosen)
  if (!move || formatRanges(move.slots) !== formatRanges(chosen.slots)) {
    throw new ReshardError(`Another command has ended the move from ${chosen.from} to ${chosen.to} while this one waited: `
      + `run "nuxt-scale shards status" to see the remaining moves of ${name}.`)
  }
  if (sameState && move.state !== chosen.state) {
    throw new ReshardError(`The move from ${chosen.from} to ${chosen.to} went from ${chosen.state} to ${move.state} `
      + 'while this command waited for another one: check the new state, then run the command again if you still want this.')
  }
  return move
}

/** Returns which side leads and which side follows, according to the map. */
export function pairOf({ from, to, isMoving }: Pick<OpenMove, 'from' | 'to' | 'isMoving'>, { state }: SlotMove): MovePair {
  return state === 'read-new' ? { leader: to, follower: from, isMoving } : { leader: from, follower: to, isMoving }
}

/**
 * Brings the databases to the state of the map: it begins a move, or completes the work of a killed command. Only a cut-over closes a side
 * that accepts writes. If the map and the databases disagree about the leader, the map is outdated.
 */
async function settle(open: OpenMove, input: { settings: ShardsSettings, ordered: readonly NamedTable[] }): Promise<void> {
  const { roles, map, move } = open
  if (roles.from === 'left' || roles.to === 'left') return
  if (roles.from === undefined) return begin(open, input)
  if (roles.to === undefined) {
    throw new ReshardError(`The shard ${move.to} has no record of the move from ${move.from}: restore its table nuxt_scale_moves.`)
  }
  const { leader, follower } = pairOf(open, move)
  const role = leader === open.from ? { leader: roles.from, follower: roles.to } : { leader: roles.to, follower: roles.from }
  const isOpen = role.follower === 'leader' || role.follower === 'paused'
  if (isOpen || (role.leader === 'follower' && role.follower !== 'closed')) {
    throw new ReshardError(`The map says ${move.state}, but ${follower.session.shard} still accepts writes: `
      + 'restore the map that the last command stored.')
  }
  if (role.leader !== 'leader') await setGuard(leader, { mode: 'keep', role: 'leader', mapVersion: map.version })
  if (role.follower === 'closed') await writeRole(follower.session, follower.id, 'follower', map.version)
}

/** Begins a move: the new shard rejects writes to the rows that will move, then the old shard records changes. */
async function begin(
  { id, from, to, roles, map, move }: OpenMove,
  { settings, ordered }: { settings: ShardsSettings, ordered: readonly NamedTable[] },
): Promise<void> {
  if (move.state !== 'copying') {
    throw new ReshardError(`The map says ${move.state}, but the shard ${move.from} has no record of the move: `
      + 'restore the map that the last command stored.')
  }
  const wanted = wantedSlots({ ...settings, slotMap: map }, move.slots)
  const record = { id, from: move.from, to: move.to, slots: formatRanges(move.slots), mapVersion: map.version, tables: ordered }
  const allLeaves = !map.owners.some((owner, slot) => owner === move.from && !move.slots.includes(slot))
  if (roles.to === undefined) await refuseSharedNumbers({ leader: from, follower: to }, allLeaves)
  await install(to, wanted, 'refuse', { ...record, role: 'follower' })
  await refuseStrangers(to)
  try {
    await install(from, wanted, 'keep', { ...record, role: 'leader' }, () => refuseSplitFamilies(from))
  }
  catch (error) {
    if (roles.to === undefined) await forget(to)
    await removeGuard(from)
    throw error
  }
}

async function install(
  side: MoveSide,
  wanted: WantedSlots,
  mode: 'keep' | 'refuse',
  record: MoveRecord,
  check: () => Promise<void> = async () => {},
): Promise<void> {
  await installGuard(side, wanted)
  await check()
  const condition = async () => {
    await createRecord(side.session, record)
    return true
  }
  await setGuard(side, { mode, role: record.role, mapVersion: record.mapVersion, condition })
}

/** Checks that the new shard has no rows of the moving slots: such rows would become visible after the move. */
async function refuseStrangers(to: MoveSide): Promise<void> {
  for (const table of to.tables) {
    const rows = await countRows(to, table)
    if (rows === 0) continue
    await forget(to)
    throw new ReshardError(`The shard ${to.session.shard} contains ${rows} rows of ${table.name} whose ids belong to the old shard: `
      + 'find out where they come from, and delete them before you move rows.')
  }
}

async function forget(side: MoveSide): Promise<void> {
  await removeGuard(side)
  await removeRecord(side.session, side.id)
}

function refuseLeftovers(records: readonly { record: MoveRecord, shard: string }[], known: readonly string[]): void {
  const over = records.find(({ record }) => !known.includes(record.id))
  if (!over) return
  throw new ReshardError(`The shard ${over.shard} still has rows of the finished move from ${over.record.from} to ${over.record.to}: `
    + 'run "nuxt-scale shards clean --delete" first.')
}

function refuseOldMap(records: readonly (MoveRecord | undefined)[], map: SlotMap): void {
  const newest = Math.max(...records.map(record => record?.mapVersion ?? 0))
  if (map.version < newest) {
    throw new ReshardError(`The map has version ${map.version}, but the shards have seen version ${newest}: `
      + 'restore the map that the last command stored.')
  }
}

function sameTables(one: readonly NamedTable[], other: readonly NamedTable[]): boolean {
  const text = (tables: readonly NamedTable[]) => JSON.stringify([...tables].sort())
  return text(one) === text(other)
}
