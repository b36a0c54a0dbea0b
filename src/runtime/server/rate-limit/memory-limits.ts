import { LRUCache } from 'lru-cache'
import type { Bucket, Decision } from '../core/gcra'
import { decide } from '../core/gcra'

/** Largest number of buckets in memory, about 20 MB. The least recently used ones are dropped. */
const MOST_BUCKETS = 100_000

/** The buckets of one process, which decide synchronously. */
export interface MemoryStore {
  /**
   * Takes `cost` from the bucket of a key.
   * @param isTold whether the shared bucket counts the request too. @default false
   */
  take: (key: string, bucket: Bucket, cost: number, isTold?: boolean) => Decision
  /** Stores the fill of the shared bucket, in microseconds until it is empty. Later local decisions start from there. */
  learn: (key: string, fill: number) => void
  /** Returns the debt of a key: the microseconds of requests that passed here and that the shared bucket has not counted. */
  debtOf: (key: string) => number
  /** Marks the debt of a key as sent to the shared bucket. Returns a function that undoes this. */
  tell: (key: string) => () => void
}

/** Times in microseconds at which a bucket would be empty. */
interface KnownBucket {
  /** Time with all requests that passed here. */
  arrival: number
  /** Time with only those requests that the shared bucket has counted. */
  shared: number
}

/**
 * Creates the buckets of this process.
 *
 * @param now microseconds of a monotonic clock
 */
export function createMemoryLimits(now: () => number = () => Math.floor(performance.now() * 1000)): MemoryStore {
  // The objects are changed in place, because setting a key on each request would cost as much as the decision itself.
  const remembered = new LRUCache<string, KnownBucket>({ max: MOST_BUCKETS })
  /** Keys that may have a debt, so that a look-up is cheap for keys without one. The oldest keys are dropped when it is full. */
  const owing = new Set<string>()

  function owe(key: string): void {
    if (owing.size >= MOST_BUCKETS) owing.delete(owing.values().next().value!)
    owing.add(key)
  }

  return {
    take(key, bucket, cost, isTold = false) {
      const moment = now()
      const known = remembered.get(key)
      const verdict = decide(bucket, known?.arrival ?? 0, moment, cost)
      if (!verdict.allowed) return verdict
      if (!isTold) owe(key)
      if (known === undefined) remembered.set(key, { arrival: verdict.arrival, shared: isTold ? verdict.arrival : 0 })
      else {
        if (isTold) known.shared = verdict.arrival - debtAt(known, moment)
        known.arrival = verdict.arrival
      }
      return verdict
    },
    learn(key, fill) {
      const moment = now()
      const shared = moment + fill
      const known = remembered.get(key)
      if (known === undefined) remembered.set(key, { arrival: shared, shared })
      else {
        known.arrival = shared + debtAt(known, moment)
        known.shared = shared
      }
    },
    debtOf(key) {
      if (!owing.has(key)) return 0
      const known = remembered.get(key)
      const debt = known === undefined ? 0 : debtAt(known, now())
      if (debt === 0) owing.delete(key)
      return debt
    },
    tell(key) {
      const known = remembered.get(key)
      if (known === undefined) return () => {}
      const { shared } = known
      known.shared = known.arrival
      owing.delete(key)
      return () => {
        known.shared = Math.min(known.shared, shared)
        owe(key)
      }
    },
  }
}

/** Computes the debt at a moment. Local and shared buckets drain at the same speed, so a debt lasts until the bucket is empty. */
function debtAt({ arrival, shared }: KnownBucket, moment: number): number {
  return Math.max(0, arrival - Math.max(shared, moment))
}
