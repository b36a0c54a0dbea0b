import { createHash } from 'node:crypto'
import type { SlotMap, SlotMove } from '../runtime/server/shards/slot-map'
import { formatRanges } from '../runtime/server/shards/ranges'
import { identifier } from './session'
import type { ShardSession } from './session'

/** Names of the objects that a move installs in the schema of a shard. Every name begins with `nuxt_scale_`. */
export interface MoveObjects {
  /** Table: the moves of this shard. */
  moves: string
  /** Function: the hash of an id. */
  murmur3: string
  /** Function: the slot of an id that moves; NULL for other ids. */
  slot: string
  /** Trigger function of the table with this index. */
  guard: (index: number) => string
  /** Name of the row trigger, the same for every table. */
  guardTrigger: string
  /** Trigger function that rejects TRUNCATE, which does not fire row triggers. */
  truncate: string
  truncateTrigger: string
  /** Table: keys of changed rows that are not yet written to the other shard. */
  changes: string
  /** Table: progress of the copy. */
  progress: string
  /** A table of the app. */
  table: (name: string) => string
}

/** Id of a move in the database: a hash of its two shards and its slots. */
export function moveId({ from, to, slots }: Pick<SlotMove, 'from' | 'to' | 'slots'>, map: SlotMap): string {
  return createHash('sha256').update(JSON.stringify([from, to, formatRanges(slots), map.owners.length])).digest('hex').slice(0, 12)
}

export function objectsOf({ schema }: ShardSession, id: string): MoveObjects {
  const qualified = (name: string) => `${identifier(schema)}.${identifier(name)}`
  return {
    moves: qualified('nuxt_scale_moves'),
    murmur3: qualified('nuxt_scale_murmur3'),
    slot: qualified(`nuxt_scale_slot_${id}`),
    guard: index => qualified(`nuxt_scale_guard_${id}_${index}`),
    guardTrigger: `nuxt_scale_guard_${id}`,
    truncate: qualified(`nuxt_scale_truncate_${id}`),
    truncateTrigger: `nuxt_scale_truncate_${id}`,
    changes: qualified(`nuxt_scale_changes_${id}`),
    progress: qualified(`nuxt_scale_progress_${id}`),
    table: qualified,
  }
}
