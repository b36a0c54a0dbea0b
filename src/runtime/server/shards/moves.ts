import type { ShardPlan } from './plan'
import type { PlannedMove, SlotMap, SlotMove } from './slot-map'
import { moveStates } from './slot-map'

/** Identifies a move: a plan has at most one move between two shards in this direction. */
export type MoveName = Pick<PlannedMove, 'from' | 'to'>

/** Returns the map with all moves of a plan in their first state. Slots keep their shard until their move is finished. */
export function startMoves({ before, after, moves }: ShardPlan): SlotMap {
  return {
    ...before,
    version: before.version + 1,
    shards: [...new Set([...before.shards, ...after.shards])],
    moving: moves.map(move => ({ ...move, state: moveStates[0] })),
  }
}

/**
 * Returns the map with a move in its next state. After the last state, the slots belong to the new shard and the move is removed.
 *
 * @throws Error when the map does not contain the move
 */
export function advanceMove(map: SlotMap, name: MoveName): SlotMap {
  const move = findMove(map, name)
  const next = moveStates[moveStates.indexOf(move.state) + 1]
  if (next !== undefined) return replaceMove(map, move, { ...move, state: next })
  const owners = [...map.owners]
  for (const slot of move.slots) owners[slot] = move.to
  return { ...replaceMove(map, move), owners }
}

/**
 * Returns the map with a move in its previous state. Before the first state, the move is removed and the slots stay on the old shard.
 *
 * @throws Error when the map does not contain the move
 */
export function takeBackMove(map: SlotMap, name: MoveName): SlotMap {
  const move = findMove(map, name)
  const previous = moveStates[moveStates.indexOf(move.state) - 1]
  return previous === undefined ? replaceMove(map, move) : replaceMove(map, move, { ...move, state: previous })
}

function findMove(map: SlotMap, { from, to }: MoveName): SlotMove {
  const move = map.moving.find(move => move.from === from && move.to === to)
  if (!move) throw new Error(`The map contains no move from ${from} to ${to}: name a move of the map.`)
  return move
}

function replaceMove(map: SlotMap, old: SlotMove, ...moves: SlotMove[]): SlotMap {
  return { ...map, version: map.version + 1, moving: map.moving.flatMap(move => move === old ? moves : [move]) }
}
