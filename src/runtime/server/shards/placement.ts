import { moduloShard } from './modulo'
import type { ShardsSettings } from './settings'
import type { SlotMap } from './slot-map'
import { slotOf } from './slot-hash'

/** The shard of an id, and the rule that selected it. */
export interface ShardPlace {
  /** The shard that the app reads and writes. */
  shard: string
  /** The rule that selected the shard. */
  by: 'override' | 'prefix' | 'slot' | 'modulo'
  /** All shards that a write reaches. While a slot is moved, these are two: `nuxt-scale shards move` copies writes to the other one. */
  writes: readonly string[]
  /** The slot of the id, if `by` is `'slot'`. */
  slot?: number
}

/** A rule that places ids on shards. Ids are strings as `idText` returns them. */
export interface Placement {
  /** Returns only the name of the shard, which is faster than `locate`. */
  shardOf: (id: string) => string
  locate: (id: string) => ShardPlace
}

/** Places ids by override, then by prefix, then by slot. */
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

/** Places ids by `hash % number of shards`, including the prefixes of that formula. */
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

/** Returns the shard from which each slot is read. */
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
 * Creates a function that finds the shard or region that an id names before its first dash, in upper or lower case.
 * If a prefix is both, the shard wins, because it says where the id was created.
 * A dash after the longest known prefix, as in most UUIDs, is skipped without a look-up.
 */
function prefixReader({ regions, map }: ShardsSettings): (id: string) => string | undefined {
  const shards = new Map([...regions, ...[...map.keys()].map(shard => [shard.toLowerCase(), shard] as const)])
  const longest = Math.max(...[...shards.keys()].map(prefix => prefix.length))
  return (id) => {
    const dash = id.indexOf('-')
    return dash > 0 && dash <= longest ? shards.get(id.slice(0, dash).toLowerCase()) : undefined
  }
}
