import { LRUCache } from 'lru-cache'
import { clientKey } from './entry'
import type { ReplicaSet, ReplicaSetOptions } from './replicas'
import { createReplicaSet } from './replicas'
import type { DatabaseSpec } from './types'

/** Most databases whose replicas are tracked. The replicas of a removed database are probed again when it is used. */
const MOST_SETS = 1000

/** The replicas of all databases: the default one, tenants and shards. */
export interface ReplicaSets {
  /** Returns the replicas of a database; undefined if it has none, or if no secret is set. */
  of: (primary: DatabaseSpec) => ReplicaSet | undefined
}

export interface ReplicaSetsOptions extends Pick<ReplicaSetOptions, 'probe' | 'pause' | 'clock'> {
  /** Whether a key for the read-your-writes cookie is available. Without it, no replica is used. */
  hasKey: boolean
  /** Called once with a warning if replicas are configured without a secret. */
  warn: (sentence: string) => void
}

/** Creates a replica set for each database with replicas, at its first use. */
export function createReplicaSets({ hasKey, warn, ...options }: ReplicaSetsOptions): ReplicaSets {
  const sets = new LRUCache<string, ReplicaSet>({ max: MOST_SETS })
  let warned = false

  function refuse(): undefined {
    if (!warned) {
      warn('Read replicas are not used, because without a secret users might not read their own writes:'
        + ' set NUXT_SCALE_SECRET where the server starts.')
    }
    warned = true
  }

  return {
    of(primary) {
      if (!primary.replicas?.length) return undefined
      if (!hasKey) return refuse()
      const key = `${clientKey(primary)}${primary.replicas.join()}`
      let set = sets.get(key)
      if (set === undefined) {
        set = createReplicaSet({ ...options, specs: specsOf(primary) })
        sets.set(key, set)
      }
      return set
    },
  }
}

function specsOf({ name, schema, replicas = [] }: DatabaseSpec): DatabaseSpec[] {
  return replicas.map((url, index) => ({ name: `${name} replica ${index + 1}`, url, schema, role: 'reader' }))
}
