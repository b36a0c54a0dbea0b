import type { Timers } from '../core/clock'
import { idleClock } from '../core/clock'
import type { DatabaseSpec } from './types'

export interface ReplicaSetOptions {
  specs: readonly DatabaseSpec[]
  /** Resolves when the replica can be reached. It must have its own deadline. */
  probe: (spec: DatabaseSpec) => Promise<unknown>
  /** Milliseconds between two probes of a replica. @default 5000 */
  pause?: number
  clock?: Pick<Timers, 'now'>
}

/** The replicas of one database. Unreachable replicas are skipped. */
export interface ReplicaSet {
  readonly specs: readonly DatabaseSpec[]
  /** Returns the next reachable replica in turn; undefined if none is reachable, so that the primary is used. */
  pick: () => DatabaseSpec | undefined
}

/**
 * Creates a replica set. A replica counts as unreachable until its first probe succeeds.
 * A use of the set starts a probe in the background if the last one is older than `pause`. Requests never wait for a probe.
 */
export function createReplicaSet({ specs, probe, pause = 5000, clock = idleClock }: ReplicaSetOptions): ReplicaSet {
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
      // Called in a promise chain, so that a probe that throws synchronously counts as failed.
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
