import type { ShardPlan } from './plan'
import type { PlannedMove, SlotMap, SlotMove } from './slot-map'
import { moveStates } from './slot-map'

/** Which move is meant. A plan has at most one from a shard to another. */
export type MoveName = Pick<PlannedMove, 'from' | 'to'>

/** The map in which the slots of a plan set out. They stay where they are until their move is finished. */
export function startMoves({ before, after, moves }: ShardPlan): SlotMap {
  return {
    ...before,
    version: before.version + 1,
    shards: [...new Set([...before.shards, ...after.shards])],
    moving: moves.map(move => ({ ...move, state: moveStates[0] })),
  }
}

/**
 * The map with a move one state further. Past the last state the slots belong to the new shard and the move is over.
 *
 * @throws Error one sentence, when there is no such move
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
 * The map with a move one state back. Before the first state the move is off, and the slots are where they were.
 *
 * @throws Error one sentence, when there is no such move
 */
export function takeBackMove(map: SlotMap, name: MoveName): SlotMap {
  const move = findMove(map, name)
  const previous = moveStates[moveStates.indexOf(move.state) - 1]
  return previous === undefined ? replaceMove(map, move) : replaceMove(map, move, { ...move, state: previous })
}

function findMove(map: SlotMap, { from, to }: MoveName): SlotMove {
  const move = map.moving.find(move => move.from === from && move.to === to)
  if (!move) throw new Error(`No slots are on their way from ${from} to ${to}: name a move of the map.`)
  return move
}

function replaceMove(map: SlotMap, old: SlotMove, ...moves: SlotMove[]): SlotMap {
  return { ...map, version: map.version + 1, moving: map.moving.flatMap(move => move === old ? moves : [move]) }
}
