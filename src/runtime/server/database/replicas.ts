import type { DatabaseClock } from './clock'
import { systemClock } from './clock'
import type { DatabaseSpec } from './types'

/** What a set of replicas needs. */
export interface ReplicaSetOptions {
  specs: readonly DatabaseSpec[]
  /** Resolves when the replica can be reached. It must have a deadline of its own. */
  probe: (spec: DatabaseSpec) => Promise<unknown>
  /** Milliseconds after which a replica is looked at again. @default 5000 */
  pause?: number
  clock?: Pick<DatabaseClock, 'now'>
}

/** The replicas of one database, of which those that cannot be reached are skipped. */
export interface ReplicaSet {
  readonly specs: readonly DatabaseSpec[]
  /** The next replica in turn, or undefined when none is known to work: then the primary reads. */
  pick: () => DatabaseSpec | undefined
}

/**
 * Creates a set whose replicas count as out of reach until a first probe has said otherwise.
 * Probes run in the background, when the set is used and the last one is `pause` old: no request ever waits for one.
 */
export function createReplicaSet({ specs, probe, pause = 5000, clock = systemClock }: ReplicaSetOptions): ReplicaSet {
  const replicas = specs.map(spec => ({ spec, alive: false, probing: false, dueAt: 0 }))
  let turn = 0

  function look(): void {
    for (const replica of replicas) {
      if (replica.probing || clock.now() < replica.dueAt) continue
      replica.probing = true
      const finish = (alive: boolean) => {
        replica.alive = alive
        replica.probing = false
        replica.dueAt = clock.now() + pause
      }
      // Behind a turn, so that a probe that throws at once has failed like any other.
      Promise.resolve(replica.spec).then(probe).then(() => finish(true), () => finish(false))
    }
  }

  look()
  return {
    specs,
    pick() {
      look()
      const alive = replicas.filter(replica => replica.alive)
      return alive.length === 0 ? undefined : alive[turn++ % alive.length]!.spec
    },
  }
}
