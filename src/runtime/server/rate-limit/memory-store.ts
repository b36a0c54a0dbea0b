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
  const arrivals = new LRUCache<string, number>({ max: MOST_BUCKETS })
  return {
    take(key, bucket, cost) {
      const verdict = judge(bucket, arrivals.get(key) ?? 0, now(), cost)
      if (verdict.allowed) arrivals.set(key, verdict.arrival)
      return verdict
    },
  }
}
