import { setTimeout as sleep } from 'node:timers/promises'
import type { SlotMap } from '../runtime/server/shards/slot-map'
import { ReshardError } from './errors'
import type { UpdateOptions } from './map-store'
import { MapBusy } from './map-store'
import { compareChanges } from './compare'
import { awaitTables, setGuard } from './guard'
import { TablesLocked, withStatementLimit } from './lock'
import { writeRole } from './record'
import { liftSequences } from './sequences'
import type { CopyState, MovePair } from './sync'
import { countChanges, sync } from './sync'

/** How the leader changes. */
export interface CutOverOptions {
  /** Longest pause of the writes, in milliseconds; it ends by itself, also when this command is killed. */
  pause: number
  /** Version of the map by which the leader leads. */
  mapVersion: number
  /** Stores the map by which the other side is read and written. */
  storeMap: (options: UpdateOptions) => Promise<SlotMap>
  /** What happens, for people. */
  onStep: (step: string) => void
}

/** How a change of the leader ended. */
export interface CutOver {
  map: SlotMap
  /** Milliseconds for which nobody could write, at most at a time. */
  paused: number
}

const MOST_TRIES = 5
/** How much of a pause may be over when the leader is closed for good; what follows takes milliseconds. */
const SHARE = 0.8
/** Milliseconds between two tries within a pause. */
const INTERVAL = 100
/** Changes that are few enough to be applied while writes wait. */
const FEW = 500
const MOST_ROUNDS = 100

/** Brings the follower near to the leader while writes go on. */
export async function follow(pair: MovePair): Promise<void> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const behind = await countChanges(pair.leader)
    await sync(pair, everything(pair), () => compareChanges(pair))
    if (behind <= FEW) return
  }
}

/** Every table has been copied. */
export function everything({ leader }: MovePair): CopyState {
  return new Map(leader.tables.map(({ index }) => [index, { allThere: true }]))
}

/**
 * Makes the follower the leader. Writes are refused from the pause on, until the writer has the new map: at no moment do both sides take
 * them.
 *
 * Every lock is asked for before the leader is closed for good, and a lock that is not granted ends the pause: the leader takes writes
 * again, and the whole is tried again. The leader is closed at a moment when no write is under way and none is left to apply, and when
 * nothing is in the way of the map and of the other side; then the map is stored, then the other side opens. Killed before the map is
 * stored, the old leader opens again; killed after it, the new one opens when the command goes on.
 *
 * @throws ReshardError when transactions or changes were in the way of every try; the leader takes writes
 */
export async function cutOver(pair: MovePair, options: CutOverOptions): Promise<CutOver> {
  const { pause, mapVersion, onStep } = options
  const { leader, follower } = pair
  let longest = 0
  for (let tries = 1; tries <= MOST_TRIES; tries++) {
    await follow(pair)
    // No write is paused as long as a transaction that may stay open for long holds the other side.
    await awaitTables(follower)
    await setGuard(leader, { mode: { pause }, role: 'paused', mapVersion })
    const started = performance.now()
    onStep(`writes to ${leader.session.shard} are paused`)
    const map = await handOver(pair, options, started + pause * SHARE)
    const paused = Math.round(performance.now() - started)
    longest = Math.max(longest, Math.min(paused, pause))
    if (map) return { map, paused: Math.max(longest, paused) }
    await setGuard(leader, { mode: 'keep', role: 'leader', mapVersion })
    onStep(`${leader.session.shard} takes the writes again: something was in the way`)
  }
  const what = `The last changes of ${leader.session.shard} could not be applied within a pause of ${pause} ms in ${MOST_TRIES} tries`
  throw new ReshardError(`${what}: raise --pause, or run the command when less is written.`)
}

/** @returns the map that is stored; undefined when the leader must take writes again */
async function handOver(pair: MovePair, { mapVersion, storeMap, onStep }: CutOverOptions, deadline: number): Promise<SlotMap | undefined> {
  const { leader, follower } = pair
  let stored = false
  const isOver = () => performance.now() > deadline
  const closeLeader = async () => {
    const condition = async () => !isOver() && await countChanges(leader) === 0
    if (!await setGuard(leader, { mode: 'refuse', role: 'closed', mapVersion, condition, deadline })) throw new PauseOver()
    onStep(`${leader.session.shard} is closed`)
  }
  const around: UpdateOptions['around'] = async (save, next) => {
    const beforeCommit = async () => {
      await closeLeader()
      await save()
      stored = true
      onStep('the map is stored')
    }
    await setGuard(follower, { mode: 'keep', role: 'leader', mapVersion: next.version, beforeCommit, deadline })
  }
  try {
    const caughtUp = await withStatementLimit([leader.session, follower.session], deadline - performance.now(), async () => {
      await sync(pair, everything(pair), () => compareChanges(pair))
      await liftSequences(pair)
      return true
    })
    while (caughtUp && !isOver()) {
      try {
        const map = await storeMap({ around, deadline })
        await writeRole(leader.session, leader.id, 'follower', map.version)
        onStep(`${follower.session.shard} takes the writes`)
        return map
      }
      catch (error) {
        if (!(error instanceof TablesLocked)) throw error
        // The tables of the other side are let go meanwhile.
        await sleep(INTERVAL)
      }
    }
  }
  catch (error) {
    if (stored || !isInTheWay(error)) {
      if (!stored) await setGuard(leader, { mode: 'keep', role: 'leader', mapVersion })
      throw error
    }
  }
  return undefined
}

/** The pause was over, or writes have come in because it was. */
class PauseOver extends Error {}

function isInTheWay(error: unknown): boolean {
  return error instanceof PauseOver || error instanceof MapBusy
}
