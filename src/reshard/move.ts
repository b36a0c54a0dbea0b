import type { SlotMap, SlotMove } from '../runtime/server/shards/slot-map'
import type { MoveSide } from './guard'
import type { MoveRole } from './record'

/** A move with both of its databases open. */
export interface OpenMove {
  id: string
  /** The map and the move in it, as they were read when both shards were locked. */
  map: SlotMap
  move: SlotMove
  from: MoveSide
  to: MoveSide
  /** What each side was when the move was opened; undefined for a side that knows nothing of it. */
  roles: { from: MoveRole | undefined, to: MoveRole | undefined }
  /** Whether an id moves, by the function with which the app finds its shard. */
  isMoving: (id: string) => boolean
  close: () => Promise<void>
}
