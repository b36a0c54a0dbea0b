import { moduloShard } from './modulo'
import type { ShardsSettings } from './settings'
import type { SlotMap } from './slot-map'
import { slotOf } from './slot-map'

/** Where an id lives, and why there. */
export interface ShardPlace {
  /** The shard that is read from. */
  shard: string
  /** What decided. */
  by: 'override' | 'prefix' | 'slot' | 'modulo'
  /** The shards that a write reaches: two while the slot is being moved, the one that is not read by way of `nuxt-scale shards move`. */
  writes: readonly string[]
  /** Its slot, when that decided. */
  slot?: number
}

/** A way to place ids, in the spelling of `idText`. */
export interface Placement {
  /** The name alone, for the calls that are many. */
  shardOf: (id: string) => string
  locate: (id: string) => ShardPlace
}

/** Override, then prefix, then slot. */
export function placeBySlot(settings: ShardsSettings): Placement {
  const { slotMap } = settings
  const { overrides } = slotMap
  const byPrefix = prefixReader(settings)
  const readers = readersOf(slotMap)
  return {
    shardOf: id => (overrides.size > 0 ? overrides.get(id) : undefined) ?? byPrefix(id) ?? readers[slotOf(id, readers.length)]!,
    locate(id) {
      const override = overrides.get(id)
      if (override !== undefined) return { shard: override, by: 'override', writes: [override] }
      const named = byPrefix(id)
      if (named !== undefined) return { shard: named, by: 'prefix', writes: [named] }
      const slot = slotOf(id, readers.length)
      return { shard: readers[slot]!, by: 'slot', writes: writersOf(slotMap, slot), slot }
    },
  }
}

/** The old formula, prefix included. */
export function placeByModulo({ spread, defaultShard }: ShardsSettings): Placement {
  const shardOf = (id: string) => moduloShard(id, spread, defaultShard)
  return {
    shardOf,
    locate(id) {
      const shard = shardOf(id)
      return { shard, by: 'modulo', writes: [shard] }
    },
  }
}

/** The shard that each slot is read from. */
function readersOf({ owners, moving }: SlotMap): readonly string[] {
  const readers = [...owners]
  for (const { slots, to, state } of moving) {
    if (state !== 'read-new') continue
    for (const slot of slots) readers[slot] = to
  }
  return readers
}

function writersOf({ owners, moving }: SlotMap, slot: number): readonly string[] {
  const move = moving.find(({ slots }) => slots.includes(slot))
  return move && move.state !== 'copying' ? [move.from, move.to] : [owners[slot]!]
}

/**
 * Finds the shard that an id names before its first dash, in any case. The name of a shard comes before a region, because it says
 * where the id was made. Most dashes stand too far behind to be looked at, as in a UUID.
 */
function prefixReader({ regions, map }: ShardsSettings): (id: string) => string | undefined {
  const shards = new Map([...regions, ...[...map.keys()].map(shard => [shard.toLowerCase(), shard] as const)])
  const longest = Math.max(...[...shards.keys()].map(prefix => prefix.length))
  return (id) => {
    const dash = id.indexOf('-')
    return dash > 0 && dash <= longest ? shards.get(id.slice(0, dash).toLowerCase()) : undefined
  }
}
