import { LRUCache } from 'lru-cache'
import type { Bucket, Verdict } from './gcra'
import { judge } from './gcra'

/** Buckets that are remembered at most, the last used ones. About 20 MB. */
const MOST_BUCKETS = 100_000

/** Buckets of one process answer at once. */
export interface MemoryStore {
  take: (key: string, bucket: Bucket, cost: number) => Verdict
}

/**
 * Buckets of this process alone.
 *
 * @param now microseconds by a clock that never goes back
 */
export function createMemoryStore(now: () => number = () => Math.floor(performance.now() * 1000)): MemoryStore {
  // Each key has an object that is written into: to set a key anew with each request would cost as much as to judge it.
  const remembered = new LRUCache<string, { arrival: number }>({ max: MOST_BUCKETS })
  return {
    take(key, bucket, cost) {
      const known = remembered.get(key)
      const verdict = judge(bucket, known?.arrival ?? 0, now(), cost)
      if (!verdict.allowed) return verdict
      if (known === undefined) remembered.set(key, { arrival: verdict.arrival })
      else known.arrival = verdict.arrival
      return verdict
    },
  }
}
