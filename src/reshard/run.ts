import { advanceMove, takeBackMove } from '../runtime/server/shards/moves'
import type { MoveState, SlotMap, SlotMove } from '../runtime/server/shards/slot-map'
import { moveStates } from '../runtime/server/shards/slot-map'
import { ReshardError } from './errors'
import type { MapStore, UpdateOptions } from './map-store'
import type { Comparison } from './compare'
import { compareRows } from './compare'
import { copyRows } from './copy'
import { cutOver, everything, follow } from './cut-over'
import { removeGuard, setGuard } from './guard'
import { findMove, storeStep } from './map-step'
import type { OpenMove } from './move'
import { pairOf } from './open-move'
import { removeRecord } from './record'
import { sync } from './sync'

/** Options of a run. */
export interface RunOptions {
  /** The state to stop at. */
  until: MoveState
  batch: number
  pause: number
  signal: AbortSignal
  /** Store of the map. */
  store: MapStore
  /** Receives a description of each step, for the user. */
  onStep: (step: string) => void
  onCopied: (table: string, copied: number) => void
}

/** Result of a run. */
export interface RunResult {
  map: SlotMap
  /** `finished` or `off` if the move is over, else its state. */
  state: MoveState | 'finished' | 'off'
  interrupted: boolean
  /** Result of the comparison before the reads switch to the new shard. */
  comparison?: Comparison
  /** Milliseconds for which writes to the moving rows were paused. */
  paused?: number
}

/** Advances a move from its current state to `until`. */
export async function runForward(open: OpenMove, options: RunOptions): Promise<RunResult> {
  const { until, batch, pause, signal, store, onStep, onCopied } = options
  let { map, move } = open
  let comparison: Comparison | undefined
  let paused: number | undefined
  refuseEnding(open)
  const storeNext = (update?: UpdateOptions) => storeStep(open, move, store, map => advanceMove(map, move), update)
  for (;;) {
    const { state } = move
    const pair = pairOf(open, move)
    const ended = { map, state, comparison, paused }
    if (moveStates.indexOf(state) >= moveStates.indexOf(until)) return { ...ended, interrupted: false }
    if (signal.aborted) return { ...ended, interrupted: true }
    if (state === 'copying') {
      if (!await copyRows(pair, { batch, onCopied, signal })) return { ...ended, interrupted: true }
      map = await storeNext()
      onStep('all rows are copied')
    }
    else if (state === 'dual-write') {
      await follow(pair)
      map = await storeNext()
      onStep('all changes are applied')
    }
    else {
      comparison = await sync(pair, everything(pair), () => compareRows(pair))
      if (comparison.differences.length > 0) return { ...ended, comparison, interrupted: false }
      onStep('both shards have the same rows');
      ({ map, paused } = await cutOver(pair, { pause, onStep, mapVersion: map.version, storeMap: storeNext }))
    }
    move = findMove(map, move)!
  }
}

/** Finishes a move at `read-new`: the new shard owns the rows, and the rows left on the old shard reject writes. */
export async function finishMove(open: OpenMove, { store }: Pick<RunOptions, 'store'>): Promise<RunResult> {
  const { map, move, roles } = open
  if (roles.to === 'left') refuseEnding(open)
  if (move.state !== 'read-new' && roles.from !== 'left') {
    throw new ReshardError(`The move from ${move.from} to ${move.to} is in the state ${move.state}: `
      + 'run "nuxt-scale shards move" until it is in the state read-new, then finish it.')
  }
  await end(open.to, open.from, map)
  const finished = await storeStep(open, move, store, map => untilOver(map, move, advanceMove))
  return { map: finished, state: 'finished', interrupted: false }
}

/** Rolls a move back: from `read-new`, it returns to the old shard; from any other state, it cancels the move. */
export async function runBack(
  open: OpenMove,
  { store, pause, onStep }: Pick<RunOptions, 'store' | 'pause' | 'onStep'>,
): Promise<RunResult> {
  const { map, move, roles } = open
  if (roles.from === 'left') refuseEnding(open)
  // A new shard with the role `left` has never been the leader, whatever the state in the map is.
  if (move.state === 'read-new' && roles.to !== 'left') {
    const storeMap = (update: UpdateOptions) => storeStep(open, move, store, map => takeBackMove(map, move), update)
    return {
      ...await cutOver(pairOf(open, move), { pause, onStep, mapVersion: map.version, storeMap }),
      state: 'verify',
      interrupted: false,
    }
  }
  if (roles.from !== undefined || roles.to !== undefined) await end(open.from, open.to, map)
  const off = await storeStep(open, move, store, map => untilOver(map, move, takeBackMove))
  return { map: off, state: 'off', interrupted: false }
}

/** Applies `step` until the map does not contain the move any more. */
function untilOver(map: SlotMap, move: SlotMove, step: typeof advanceMove): SlotMap {
  const { version } = map
  while (findMove(map, move)) map = { ...step(map, move), version: version + 1 }
  return map
}

/** Ends a move: removes the guard of the winner. The loser continues to reject writes to the moved rows. Safe to repeat. */
async function end(winner: OpenMove['from'], loser: OpenMove['from'], { version }: SlotMap): Promise<void> {
  await setGuard(loser, { mode: 'refuse', role: 'left', mapVersion: version })
  await removeGuard(winner)
  await removeRecord(winner.session, winner.id)
}

function refuseEnding({ roles, move: { from, to } }: OpenMove): void {
  if (roles.from === 'left') throw new ReshardError(`The move from ${from} to ${to} is being finished: run the command with --finish.`)
  if (roles.to === 'left') throw new ReshardError(`The move from ${from} to ${to} is being taken back: run the command with --back.`)
}
