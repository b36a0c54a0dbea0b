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

/** What is needed to open a move. */
export interface OpenMoveInput {
  store: MapStore
  settings: ShardsSettings
  /** The move, as it was chosen before anything was locked. */
  move: SlotMove
  /** Whether the command means something else when the move is at another state by now. */
  sameState?: boolean
  addressOf: (shard: string) => ShardAddress
  /** Tables in any order; asked only when the move has not begun. */
  tables: () => NamedTable[]
  /** Whether `tables` comes from a flag, and must be what the move has begun with. */
  tablesGiven: boolean
  /** Whether a move that has not begun begins. Else both of its roles stay undefined. */
  mayBegin: boolean
}

/**
 * Locks both shards of a move, then reads the map and the tables. While this command has waited for the locks another one may have changed
 * all of it.
 *
 * @throws ReshardError one sentence, when the map and the databases do not fit together
 */
export async function openMove({ store, settings, move: chosen, sameState, addressOf, tables, tablesGiven, mayBegin }: OpenMoveInput): Promise<OpenMove> {
  const addresses = [addressOf(chosen.from), addressOf(chosen.to)] as const
  if (addresses[0].url === addresses[1].url && addresses[0].schema === addresses[1].schema) throw new ReshardError(`The shards ${chosen.from} and ${chosen.to} have the same address: nothing can move between them.`)
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
    refuseLeftovers([...records.from.map(record => ({ record, shard: move.from })), ...records.to.map(record => ({ record, shard: move.to }))], known)
    const mine = { from: records.from.find(record => record.id === id), to: records.to.find(record => record.id === id) }
    refuseOldMap([mine.from, mine.to], map)
    const begun = (mine.from ?? mine.to)?.tables
    const isMoving = movingIds(settings, map, move)
    if (!begun && !mayBegin) return { id, map, move, from: bare(from, id), to: bare(to, id), roles: { from: undefined, to: undefined }, isMoving, close }
    const ordered = begun ?? await orderTables(from, tables())
    if (begun && tablesGiven && !sameTables(begun, tables())) throw new ReshardError(`The move from ${move.from} to ${move.to} has begun with other tables (${begun.map(([table, column]) => `${table}:${column}`).join(',')}): leave out --tables, or take the move back first.`)
    const side = async (session: ShardSession): Promise<MoveSide> => ({ id, session, objects: objectsOf(session, id), tables: await describeTables(session, ordered) })
    const open = { id, map, move, from: await side(from), to: await side(to), roles: { from: mine.from?.role, to: mine.to?.role }, isMoving, close }
    refuseDifferentTables(open.from.tables, open.to.tables, move)
    await settle(open, { settings, ordered })
    return open
  }
  catch (error) {
    await close()
    throw error
  }
}

/** An id with an override or a prefix is in no slot. */
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

/** @returns the move as the map has it by now */
function refuseOtherMove(map: SlotMap, chosen: SlotMove, { name, sameState = false }: { name: string, sameState?: boolean }): SlotMove {
  const move = findMove(map, chosen)
  if (!move || formatRanges(move.slots) !== formatRanges(chosen.slots)) throw new ReshardError(`The move from ${chosen.from} to ${chosen.to} has been ended by another command while this one waited: see "nuxt-scale shards status" for what is left in ${name}.`)
  if (sameState && move.state !== chosen.state) throw new ReshardError(`The move from ${chosen.from} to ${chosen.to} went from ${chosen.state} to ${move.state} while this command waited for another one: run it again if it is still what you want.`)
  return move
}

/** Who leads by the map, and who follows. */
export function pairOf({ from, to, isMoving }: Pick<OpenMove, 'from' | 'to' | 'isMoving'>, { state }: SlotMove): MovePair {
  return state === 'read-new' ? { leader: to, follower: from, isMoving } : { leader: from, follower: to, isMoving }
}

/**
 * Brings the databases to what the map says: the beginning of a move, or what a command that was killed left undone. A side that takes
 * writes is closed by a cut-over alone, never here: where the map and the databases disagree about who leads, the map is not the newest.
 */
async function settle(open: OpenMove, input: { settings: ShardsSettings, ordered: readonly NamedTable[] }): Promise<void> {
  const { roles, map, move } = open
  if (roles.from === 'left' || roles.to === 'left') return
  if (roles.from === undefined) return begin(open, input)
  if (roles.to === undefined) throw new ReshardError(`The shard ${move.to} has forgotten the move from ${move.from}: somebody has removed its nuxt_scale_moves.`)
  const { leader, follower } = pairOf(open, move)
  const role = leader === open.from ? { leader: roles.from, follower: roles.to } : { leader: roles.to, follower: roles.from }
  const isOpen = role.follower === 'leader' || role.follower === 'paused'
  if (isOpen || (role.leader === 'follower' && role.follower !== 'closed')) throw new ReshardError(`The map says ${move.state}, but ${follower.session.shard} has not been closed: restore the map that the last command stored.`)
  if (role.leader !== 'leader') await setGuard(leader, { mode: 'keep', role: 'leader', mapVersion: map.version })
  if (role.follower === 'closed') await writeRole(follower.session, follower.id, 'follower', map.version)
}

/** Closes the new shard for the rows that will come, then lets the old one keep what changes. */
async function begin({ id, from, to, roles, map, move }: OpenMove, { settings, ordered }: { settings: ShardsSettings, ordered: readonly NamedTable[] }): Promise<void> {
  if (move.state !== 'copying') throw new ReshardError(`The map says ${move.state}, but the shard ${move.from} knows of no such move: restore the map that the last command stored.`)
  const wanted = wantedSlots({ ...settings, slotMap: map }, move.slots)
  const record = { id, from: move.from, to: move.to, slots: formatRanges(move.slots), mapVersion: map.version, tables: ordered }
  if (roles.to === undefined) await refuseSharedNumbers({ leader: from, follower: to }, !map.owners.some((owner, slot) => owner === move.from && !move.slots.includes(slot)))
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

async function install(side: MoveSide, wanted: WantedSlots, mode: 'keep' | 'refuse', record: MoveRecord, check: () => Promise<void> = async () => {}): Promise<void> {
  await installGuard(side, wanted)
  await check()
  const condition = async () => {
    await createRecord(side.session, record)
    return true
  }
  await setGuard(side, { mode, role: record.role, mapVersion: record.mapVersion, condition })
}

/** Rows of the moving slots on the new shard are not ours: they could come back to life. */
async function refuseStrangers(to: MoveSide): Promise<void> {
  for (const table of to.tables) {
    const rows = await countRows(to, table)
    if (rows === 0) continue
    await forget(to)
    throw new ReshardError(`The shard ${to.session.shard} holds ${rows} rows of ${table.name} whose ids belong to the old shard: see where they come from, and delete them before rows are moved.`)
  }
}

async function forget(side: MoveSide): Promise<void> {
  await removeGuard(side)
  await removeRecord(side.session, side.id)
}

function refuseLeftovers(records: readonly { record: MoveRecord, shard: string }[], known: readonly string[]): void {
  const over = records.find(({ record }) => !known.includes(record.id))
  if (over) throw new ReshardError(`The shard ${over.shard} keeps what is left of the move from ${over.record.from} to ${over.record.to}: run "nuxt-scale shards clean --delete" first.`)
}

function refuseOldMap(records: readonly (MoveRecord | undefined)[], map: SlotMap): void {
  const newest = Math.max(...records.map(record => record?.mapVersion ?? 0))
  if (map.version < newest) throw new ReshardError(`The map has version ${map.version}, but the shards have seen version ${newest}: restore the map that the last command stored.`)
}

function sameTables(one: readonly NamedTable[], other: readonly NamedTable[]): boolean {
  const text = (tables: readonly NamedTable[]) => JSON.stringify([...tables].sort())
  return text(one) === text(other)
}
