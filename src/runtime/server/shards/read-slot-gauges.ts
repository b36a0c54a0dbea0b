import { instrument, onRead } from '../core/instruments'
import type { SlotMap } from './slot-map'
import { moveStates, slotCounts } from './slot-map'

const slots = instrument('scale.shard.slots')

/**
 * Records how many slots each shard has, by the state of their moves, when metrics are read. Slots that move count for their old shard.
 *
 * @param current returns the slot map of this process
 * @returns a function that stops it
 */
export function readSlotGauges(current: () => SlotMap): () => void {
  return onRead(() => {
    const map = current()
    for (const [shard, count] of slotCounts(map)) {
      let stable = count
      for (const state of moveStates) {
        const moves = map.moving.filter(move => move.from === shard && move.state === state)
        const moving = moves.reduce((sum, move) => sum + move.slots.length, 0)
        stable -= moving
        slots.record(moving, shard, state)
      }
      slots.record(stable, shard, 'stable')
    }
  })
}
