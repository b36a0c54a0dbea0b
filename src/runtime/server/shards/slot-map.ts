/** Default number of slots of a map. It is enough to spread data evenly over hundreds of shards. */
export const DEFAULT_SLOTS = 4096
/** Largest number of slots of a map. */
export const MOST_SLOTS = 65_536

/**
 * States of a move of slots, in order. The app reads and writes the old shard, and from `read-new` on the new one.
 * In `copying`, `nuxt-scale shards move` copies the rows to the new shard. In the later states, it copies every write to the other shard
 * until the move is finished.
 */
export const moveStates = ['copying', 'dual-write', 'verify', 'read-new'] as const
export type MoveState = typeof moveStates[number]

/** Slots that will move from one shard to another. */
export interface PlannedMove {
  /** In ascending order. */
  slots: readonly number[]
  from: string
  to: string
}

/** A running move. Its slots belong to `from` until the move is finished. */
export interface SlotMove extends PlannedMove {
  state: MoveState
}

/** Assigns slots to shards. It is immutable: each change creates a new map with the next version. */
export interface SlotMap {
  /** Number of the version, from 1. */
  readonly version: number
  /** Names of the shards. A shard without slots may have overrides, or wait for its first move. */
  readonly shards: readonly string[]
  /** The shard of each slot. */
  readonly owners: readonly string[]
  /** Single ids on another shard than that of their slot, such as a large customer with its own shard. */
  readonly overrides: ReadonlyMap<string, string>
  readonly moving: readonly SlotMove[]
}

/**
 * Creates the first map: each shard gets a contiguous range of slots of equal size. The shards are sorted, so that the order of the
 * options does not matter.
 *
 * Use it only before data exists. With another number of shards, the ranges differ, and about half of the data would not be found.
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

/** Counts the slots of each shard, in the order of the map. */
export function slotCounts(map: SlotMap): Map<string, number> {
  const counts = new Map(map.shards.map(shard => [shard, 0]))
  for (const owner of map.owners) counts.set(owner, counts.get(owner)! + 1)
  return counts
}

/** Returns the slots of a shard in ascending order. */
export function slotsOf(map: SlotMap, shard: string): number[] {
  return map.owners.flatMap((owner, slot) => owner === shard ? [slot] : [])
}
