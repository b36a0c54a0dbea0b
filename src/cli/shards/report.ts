import type { ShardPlan } from '../../runtime/server/shards/plan'
import { formatRanges } from '../../runtime/server/shards/ranges'
import type { MoveState, SlotMap } from '../../runtime/server/shards/slot-map'
import { moveStates, slotCounts } from '../../runtime/server/shards/slot-map'

/** How evenly the slots lie. */
export interface Balance {
  /** Slots of each shard. */
  slots: Record<string, number>
  /** The fullest shard over the mean of those that hold slots: 1 is even. */
  fullestOverMean: number
}

/** What `shards plan --json` prints. */
export interface PlanReport {
  version: { before: number, after: number }
  moved: number
  /** Share of all slots, from 0 to 1. */
  share: number
  moves: { from: string, to: string, count: number, slots: string }[]
  before: Balance
  after: Balance
  /** Where the map was stored; absent without `--write`. */
  written?: string
}

/** What `shards status --json` prints. */
export interface StatusReport {
  version: number
  slots: number
  stored: boolean
  balance: Balance
  overrides: number
  moving: { from: string, to: string, state: MoveState, count: number, slots: string, step: number, steps: number }[]
}

export function balanceOf(map: SlotMap): Balance {
  const counts = slotCounts(map)
  const held = [...counts.values()].filter(count => count > 0)
  const mean = map.owners.length / held.length
  return { slots: Object.fromEntries(counts), fullestOverMean: Math.round(Math.max(...held) / mean * 1000) / 1000 }
}

export function reportPlan({ before, after, moves, moved, share }: ShardPlan, storedVersion: number): PlanReport {
  return {
    version: { before: before.version, after: storedVersion },
    moved,
    share,
    moves: moves.map(({ from, to, slots }) => ({ from, to, count: slots.length, slots: formatRanges(slots) })),
    before: balanceOf(before),
    after: balanceOf(after),
  }
}

export function reportStatus(map: SlotMap, stored: boolean): StatusReport {
  return {
    version: map.version,
    slots: map.owners.length,
    stored,
    balance: balanceOf(map),
    overrides: map.overrides.size,
    moving: map.moving.map(({ from, to, state, slots }) => ({ from, to, state, count: slots.length, slots: formatRanges(slots), step: moveStates.indexOf(state) + 1, steps: moveStates.length })),
  }
}

/** A share as people read it. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
