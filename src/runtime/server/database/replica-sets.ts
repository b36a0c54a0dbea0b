import { LRUCache } from 'lru-cache'
import { keyOf } from './entry'
import type { ReplicaSet, ReplicaSetOptions } from './replicas'
import { createReplicaSet } from './replicas'
import type { DatabaseSpec } from './types'

/** Databases whose replicas are remembered at most. One that is forgotten is looked at anew. */
const MOST_SETS = 1000

/** The replicas of all databases: the default one, tenants and shards. */
export interface ReplicaSets {
  /** The replicas of a database; undefined when it has none, or when there is no secret. */
  of: (primary: DatabaseSpec) => ReplicaSet | undefined
}

export interface ReplicaSetsOptions extends Pick<ReplicaSetOptions, 'probe' | 'pause' | 'clock'> {
  /** Whether there is a key that signs who must not read from a replica. Without it none is used. */
  hasKey: boolean
  /** Gets one sentence, once, when there are replicas and no secret. */
  warn: (sentence: string) => void
}

/** Remembers a set for each database that has replicas, from the first time on that it is asked for. */
export function createReplicaSets({ hasKey, warn, ...options }: ReplicaSetsOptions): ReplicaSets {
  const sets = new LRUCache<string, ReplicaSet>({ max: MOST_SETS })
  let warned = false

  function refuse(): undefined {
    if (!warned) warn('Read replicas are not used, because users could not be sure to read what they wrote: set NUXT_SCALE_SECRET where the server starts.')
    warned = true
  }

  return {
    of(primary) {
      if (!primary.replicas?.length) return undefined
      if (!hasKey) return refuse()
      const key = `${keyOf(primary)}${primary.replicas.join()}`
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
