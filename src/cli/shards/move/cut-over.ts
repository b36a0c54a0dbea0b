import { CliFailure } from '../../support/exit'
import { setGuard } from './guard'
import { writeRole } from './record'
import { liftSequences } from './sequences'
import type { CopyState, MovePair } from './sync'
import { countChanges, sync } from './sync'

/** How the leader changes. */
export interface CutOverOptions {
  /** Longest pause of the writes, in milliseconds; it ends by itself, also when this command is killed. */
  pause: number
  /** Stores the map by which the other side is read and written. */
  writeMap: () => Promise<void>
  /** What happens, for people. */
  onStep: (step: string) => void
}

const MOST_TRIES = 5
/** Changes that are few enough to be applied while writes wait. */
const FEW = 500
const MOST_ROUNDS = 100

/** Brings the follower near to the leader while writes go on. */
export async function follow(pair: MovePair): Promise<void> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const behind = await countChanges(pair.leader)
    await sync(pair, everything(pair), async () => {})
    if (behind <= FEW) return
  }
}

/** Every table has been copied. */
export function everything({ leader }: MovePair): CopyState {
  return new Map(leader.tables.map(({ index }) => [index, { allThere: true }]))
}

/**
 * Makes the follower the leader. Writes are refused from the pause on, until the writer has the new map: at no moment do both sides take them.
 *
 * The leader is closed for good only at a moment when no write is under way and none is left to apply; then the map is stored, then the
 * other side opens. Killed before the map is stored, the old leader opens again; killed after it, the new one opens when the command goes on.
 *
 * @returns milliseconds for which nobody could write
 */
export async function cutOver(pair: MovePair, { pause, writeMap, onStep }: CutOverOptions): Promise<number> {
  const { leader, follower } = pair
  const started = await closeLeader(pair, pause, onStep)
  try {
    await liftSequences(pair)
    await writeMap()
  }
  catch (error) {
    await setGuard(leader, 'keep', 'leader')
    throw error
  }
  onStep('the map is stored')
  await setGuard(follower, 'keep', 'leader')
  await writeRole(leader.session, leader.id, 'follower')
  onStep(`${follower.session.shard} takes the writes`)
  return Math.round(performance.now() - started)
}

/** @returns when the pause began */
async function closeLeader(pair: MovePair, pause: number, onStep: (step: string) => void): Promise<number> {
  const { leader } = pair
  for (let tries = 1; tries <= MOST_TRIES; tries++) {
    await follow(pair)
    const started = performance.now()
    await setGuard(leader, { pause }, 'paused')
    onStep(`writes to ${leader.session.shard} are paused`)
    try {
      await sync(pair, everything(pair), async () => {})
      if (await setGuard(leader, 'refuse', 'closed', async () => await countChanges(leader) === 0)) {
        onStep(`${leader.session.shard} is closed`)
        return started
      }
    }
    catch (error) {
      await setGuard(leader, 'keep', 'leader')
      throw error
    }
    await setGuard(leader, 'keep', 'leader')
  }
  throw new CliFailure(`The last changes of ${leader.session.shard} could not be applied within a pause of ${pause} ms in ${MOST_TRIES} tries: raise --pause, or run the command when less is written.`)
}
