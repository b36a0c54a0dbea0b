import { advanceMove, takeBackMove } from '../../../runtime/server/shards/moves'
import type { MoveState, SlotMap, SlotMove } from '../../../runtime/server/shards/slot-map'
import { moveStates } from '../../../runtime/server/shards/slot-map'
import { CliFailure } from '../../support/exit'
import type { Comparison } from './compare'
import { compareRows } from './compare'
import { copyRows } from './copy'
import { cutOver, everything, follow } from './cut-over'
import { removeGuard, setGuard } from './guard'
import type { OpenMove } from './open-move'
import { pairOf } from './open-move'
import { removeRecord, writeMapVersion } from './record'
import { sync } from './sync'

/** How far a move goes. */
export interface RunOptions {
  /** The state to stop at. */
  until: MoveState
  batch: number
  pause: number
  signal: AbortSignal
  /** Stores a map. */
  write: (map: SlotMap) => Promise<void>
  /** What happens, for people. */
  onStep: (step: string) => void
  onCopied: (table: string, copied: number) => void
}

/** How a run ended. */
export interface RunResult {
  map: SlotMap
  /** `finished` and `off` when the move is over; else its state. */
  state: MoveState | 'finished' | 'off'
  interrupted: boolean
  /** What was compared before the reads changed. */
  comparison?: Comparison
  /** Milliseconds for which rows that move could not be written. */
  paused?: number
}

/** Takes a move forward to `until`, from wherever it is. */
export async function runForward(open: OpenMove, start: SlotMap, options: RunOptions): Promise<RunResult> {
  const { until, batch, pause, signal, write, onStep, onCopied } = options
  let map = start
  let comparison: Comparison | undefined
  let paused: number | undefined
  refuseEnding(open)
  const next = async () => {
    const advanced = advanceMove(map, moveIn(map, open))
    await write(advanced)
    map = advanced
  }
  for (;;) {
    const { state } = moveIn(map, open)
    const pair = pairOf(open, moveIn(map, open))
    const ended = { map, state, comparison, paused }
    if (moveStates.indexOf(state) >= moveStates.indexOf(until)) return { ...ended, interrupted: false }
    if (signal.aborted) return { ...ended, interrupted: true }
    if (state === 'copying') {
      if (!await copyRows(pair, { batch, onCopied, signal })) return { ...ended, interrupted: true }
      await next()
      onStep('every row is copied')
    }
    else if (state === 'dual-write') {
      await follow(pair)
      await next()
      onStep('every change has followed')
    }
    else {
      comparison = await sync(pair, everything(pair), () => compareRows(pair))
      if (comparison.differences.length > 0) return { ...ended, comparison, interrupted: false }
      onStep('both shards hold the same')
      paused = await cutOver(pair, { pause, onStep, writeMap: next })
      await rememberVersion(open, map)
    }
  }
}

/** Ends a move whose new shard is read: the rows are its own, and what is left on the old shard refuses writes. */
export async function finishMove(open: OpenMove, map: SlotMap, { write }: Pick<RunOptions, 'write'>): Promise<RunResult> {
  const move = moveIn(map, open)
  if (move.state !== 'read-new') throw new CliFailure(`The move from ${move.from} to ${move.to} is at ${move.state}: it can be finished when the new shard is read, at read-new.`)
  if (open.roles.to === 'left') refuseEnding(open)
  await end(open.to, open.from)
  const finished = advanceMove(map, move)
  await write(finished)
  return { map: finished, state: 'finished', interrupted: false }
}

/** Takes a move back: from `read-new` to where the old shard is read again, from anywhere else off. */
export async function runBack(open: OpenMove, map: SlotMap, { write, pause, onStep }: Pick<RunOptions, 'write' | 'pause' | 'onStep'>): Promise<RunResult> {
  const move = moveIn(map, open)
  if (move.state === 'read-new') {
    refuseEnding(open)
    const back = takeBackMove(map, move)
    const paused = await cutOver(pairOf(open, move), { pause, onStep, writeMap: () => write(back) })
    await rememberVersion(open, back)
    return { map: back, state: 'verify', interrupted: false, paused }
  }
  if (open.roles.from !== undefined || open.roles.to !== undefined) await end(open.from, open.to)
  let off = map
  while (off.moving.some(one => isSame(one, move))) off = takeBackMove(off, move)
  await write(off)
  return { map: off, state: 'off', interrupted: false }
}

/** The move as the map has it. */
export function moveIn(map: SlotMap, { from, to }: OpenMove): SlotMove {
  return map.moving.find(move => move.from === from.session.shard && move.to === to.session.shard)!
}

/** The winner is a shard like any other again; the loser goes on to refuse writes of what it holds no more. Safe to repeat. */
async function end(winner: OpenMove['from'], loser: OpenMove['from']): Promise<void> {
  await setGuard(loser, 'refuse', 'left')
  await removeGuard(winner)
  await removeRecord(winner.session, winner.id)
}

function refuseEnding({ roles, from, to }: OpenMove): void {
  if (roles.from === 'left') throw new CliFailure(`The move from ${from.session.shard} to ${to.session.shard} is being finished: run the command with --finish.`)
  if (roles.to === 'left') throw new CliFailure(`The move from ${from.session.shard} to ${to.session.shard} is being taken back: run the command with --back.`)
}

async function rememberVersion({ id, from, to }: OpenMove, { version }: SlotMap): Promise<void> {
  for (const { session } of [from, to]) await writeMapVersion(session, id, version)
}

function isSame(one: SlotMove, other: SlotMove): boolean {
  return one.from === other.from && one.to === other.to
}
