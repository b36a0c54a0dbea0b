import type { ShardPlan } from '../../runtime/server/shards/plan'
import { formatRanges } from '../../runtime/server/shards/ranges'
import type { MoveState, SlotMap } from '../../runtime/server/shards/slot-map'
import { moveStates, slotCounts } from '../../runtime/server/shards/slot-map'
import { renderTable } from '../support/terminal'
import type { Comparison } from '../../reshard/compare'

/** Distribution of the slots over the shards. */
interface Balance {
  /** Number of slots of each shard. */
  slots: Record<string, number>
  /** Slots of the fullest shard divided by the mean of all shards with slots. 1 is an even distribution. */
  fullestOverMean: number
}

/** Output of `shards plan --json`. */
export interface PlanReport {
  version: { before: number, after: number }
  moved: number
  /** Share of all slots, from 0 to 1. */
  share: number
  moves: { from: string, to: string, count: number, slots: string }[]
  before: Balance
  after: Balance
  /** File of the stored map; absent without `--write`. */
  written?: string
}

/** Output of `shards status --json`. */
export interface StatusReport {
  version: number
  slots: number
  stored: boolean
  balance: Balance
  overrides: number
  moving: { from: string, to: string, state: MoveState, count: number, slots: string, step: number, steps: number }[]
}

function balanceOf(map: SlotMap): Balance {
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
    moving: map.moving.map(({ from, to, state, slots }) => ({
      from,
      to,
      state,
      count: slots.length,
      slots: formatRanges(slots),
      step: moveStates.indexOf(state) + 1,
      steps: moveStates.length,
    })),
  }
}

/** Formats a share as percent. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

/** Renders differences as a table. Empty if there are none. */
export function describeDifferences({ differences, more }: Comparison): string[] {
  if (differences.length === 0) return []
  return [
    '',
    renderTable(['table', 'key', 'difference'], differences.map(({ table, key, kind }) => [table, key.join(' '), kind])),
    ...more ? ['… and more'] : [],
  ]
}
