import type { SlotMap, SlotMove } from '../runtime/server/shards/slot-map'
import type { MoveSide } from './guard'
import type { MoveRole } from './record'

/** A move with both of its databases open. */
export interface OpenMove {
  id: string
  /** The map, read while both shards were locked. */
  map: SlotMap
  move: SlotMove
  from: MoveSide
  to: MoveSide
  /** Role of each side when the move was opened; undefined if the side has no record of the move. */
  roles: { from: MoveRole | undefined, to: MoveRole | undefined }
  /** Whether an id moves, by the same function that the app uses to find its shard. */
  isMoving: (id: string) => boolean
  close: () => Promise<void>
}
