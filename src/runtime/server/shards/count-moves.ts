import { instrument } from '../core/instruments'
import type { SlotMap, SlotMove } from './slot-map'

const moves = instrument('scale.shard.moves')

/** Counts the moves that began or ended with a newer slot map. @param before the slot map until now */
export function countMoves(before: SlotMap, after: SlotMap): void {
  for (const move of after.moving) {
    if (!before.moving.some(other => isSame(move, other))) moves.record(1, 'started')
  }
  for (const move of before.moving) {
    if (after.moving.some(other => isSame(move, other))) continue
    moves.record(1, move.slots.every(slot => after.owners[slot] === move.to) ? 'finished' : 'cancelled')
  }
}

function isSame(one: SlotMove, other: SlotMove): boolean {
  return one.from === other.from && one.to === other.to && one.slots[0] === other.slots[0]
}
