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

/** Options of {@link cutOver}. */
export interface CutOverOptions {
  /** Maximum pause of the writes, in milliseconds. The database ends the pause itself, even if this command is killed. */
  pause: number
  /** Version of the map in which the current leader takes the writes. */
  mapVersion: number
  /** Stores the map in which the other side takes the reads and writes. */
  storeMap: (options: UpdateOptions) => Promise<SlotMap>
  /** Receives a description of each step, for the user. */
  onStep: (step: string) => void
}

/** Result of a cut-over. */
export interface CutOver {
  map: SlotMap
  /** The longest single pause of the writes, in milliseconds. */
  paused: number
}

const MOST_TRIES = 5
/** Share of the pause after which the leader is not closed any more. The steps after closing it take only milliseconds. */
const SHARE = 0.8
/** Milliseconds between two attempts within a pause. */
const INTERVAL = 100
/** Number of changes that can be applied while writes wait. */
const FEW = 500
const MOST_ROUNDS = 100

/** Applies changes to the follower while writes continue, until few changes are missing. */
export async function follow(pair: MovePair): Promise<void> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const behind = await countChanges(pair.leader)
    await sync(pair, everything(pair), () => compareChanges(pair))
    if (behind <= FEW) return
  }
}

/** The copy state in which every table is copied. */
export function everything({ leader }: MovePair): CopyState {
  return new Map(leader.tables.map(({ index }) => [index, { allThere: true }]))
}

/**
 * Makes the follower the leader. From the pause on, writes are rejected until the writer has the new map. The two sides never accept
 * writes at the same time.
 *
 * The command requests every lock before it closes the leader. If a lock is not granted, the pause ends, the leader accepts writes again,
 * and the command retries. The leader is closed only when no write is running, all changes are applied, and the locks on the map and on
 * the other side are held. Then the map is stored, and then the other side opens. If the command is killed before the map is stored, the
 * old leader opens again. If it is killed later, the new leader opens when the command is run again.
 *
 * @throws ReshardError if transactions or changes blocked every attempt; the leader then accepts writes
 */
export async function cutOver(pair: MovePair, options: CutOverOptions): Promise<CutOver> {
  const { pause, mapVersion, onStep } = options
  const { leader, follower } = pair
  let longest = 0
  for (let tries = 1; tries <= MOST_TRIES; tries++) {
    await follow(pair)
    // Do not pause writes while a long transaction locks the tables of the other side.
    await awaitTables(follower)
    await setGuard(leader, { mode: { pause }, role: 'paused', mapVersion })
    const started = performance.now()
    onStep(`writes to ${leader.session.shard} are paused`)
    const map = await handOver(pair, options, started + pause * SHARE)
    const paused = Math.round(performance.now() - started)
    longest = Math.max(longest, Math.min(paused, pause))
    if (map) return { map, paused: Math.max(longest, paused) }
    await setGuard(leader, { mode: 'keep', role: 'leader', mapVersion })
    onStep(`${leader.session.shard} accepts writes again: the switch was blocked`)
  }
  const what = `The last changes of ${leader.session.shard} could not be applied within a pause of ${pause} ms in ${MOST_TRIES} attempts`
  throw new ReshardError(`${what}: raise --pause, or run the command when there are fewer writes.`)
}

/** @returns the stored map, or undefined if the leader must accept writes again */
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
        onStep(`${follower.session.shard} accepts writes`)
        return map
      }
      catch (error) {
        if (!(error instanceof TablesLocked)) throw error
        // The locks on the tables of the other side are released during this pause.
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

/** The pause ended too early, or writes arrived afterwards. */
class PauseOver extends Error {}

function isInTheWay(error: unknown): boolean {
  return error instanceof PauseOver || error instanceof MapBusy
}
