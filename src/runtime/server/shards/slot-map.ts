import { murmur3 } from './murmur3'

/** How many slots there are unless the map says otherwise. Enough to share them out evenly over hundreds of shards. */
export const DEFAULT_SLOTS = 4096
export const MOST_SLOTS = 65_536

/**
 * How far a move of slots has come, in order. The app reads and writes one shard: the old one, from `read-new` on the new one. The other
 * is filled while the state is `copying`, and from then on `nuxt-scale shards move` brings every write to it until the move is finished.
 */
export const moveStates = ['copying', 'dual-write', 'verify', 'read-new'] as const
export type MoveState = typeof moveStates[number]

/** Slots that are to leave one shard for another. */
export interface PlannedMove {
  /** In ascending order. */
  slots: readonly number[]
  from: string
  to: string
}

/** Slots on their way. They belong to `from` until the move is finished. */
export interface SlotMove extends PlannedMove {
  state: MoveState
}

/** Which shard holds which slot. Never changed in place: a change makes a new map of the next version. */
export interface SlotMap {
  /** Counts the changes, from 1. */
  readonly version: number
  /** Names. A shard may hold no slot: it can hold overrides, or wait for its first move. */
  readonly shards: readonly string[]
  /** The shard of each slot. */
  readonly owners: readonly string[]
  /** Single ids that live elsewhere than their slot: a customer large enough for a shard of its own. */
  readonly overrides: ReadonlyMap<string, string>
  readonly moving: readonly SlotMove[]
}

/** The slot of an id. Hash and number of slots say where data is, so neither ever changes for data that exists. */
export function slotOf(id: string, slots: number): number {
  return murmur3(id) % slots
}

/**
 * The map to begin with: contiguous slots, shared out evenly over the shards in alphabetical order, so that the order of the
 * options does not matter. Only for data that does not exist yet. Cutting the slots anew for another number of shards would lose half of it.
 */
export function firstSlotMap(shards: readonly string[], slots = DEFAULT_SLOTS): SlotMap {
  const names = [...shards].sort()
  return {
    version: 1,
    shards: names,
    owners: Array.from({ length: slots }, (_, slot) => names[Math.floor(slot * names.length / slots)]!),
    overrides: new Map(),
    moving: [],
  }
}

/** How many slots each shard holds, in the order of the map. */
export function slotCounts(map: SlotMap): Map<string, number> {
  const counts = new Map(map.shards.map(shard => [shard, 0]))
  for (const owner of map.owners) counts.set(owner, counts.get(owner)! + 1)
  return counts
}

/** The slots of a shard, ascending. */
export function slotsOf(map: SlotMap, shard: string): number[] {
  return map.owners.flatMap((owner, slot) => owner === shard ? [slot] : [])
}
