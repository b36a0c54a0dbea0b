import { LRUCache } from 'lru-cache'
import type { Bucket, Verdict } from './gcra'
import { judge } from './gcra'

/** Buckets that are remembered at most, the last used ones. About 20 MB. */
const MOST_BUCKETS = 100_000

/** Buckets of one process answer at once. */
export interface MemoryStore {
  /** @param isTold whether the shared bucket counts the request too. @default false */
  take: (key: string, bucket: Bucket, cost: number, isTold?: boolean) => Verdict
  /** The shared bucket takes so many microseconds to be empty: what is let through from now on begins there. */
  learn: (key: string, fill: number) => void
  /** Microseconds of the bucket that were let through here and that the shared bucket does not know of. */
  debtOf: (key: string) => number
  /** The shared bucket is being told the debt. Returns a function that takes that back. */
  tell: (key: string) => () => void
}

/** Times in microseconds at which a bucket would be empty. */
interface KnownBucket {
  /** With everything that was let through here. */
  arrival: number
  /** With what the shared bucket knows of. */
  shared: number
}

/**
 * Buckets of this process alone.
 *
 * @param now microseconds by a clock that never goes back
 */
export function createMemoryStore(now: () => number = () => Math.floor(performance.now() * 1000)): MemoryStore {
  // Each key has an object that is written into: to set a key anew with each request would cost as much as to judge it.
  const remembered = new LRUCache<string, KnownBucket>({ max: MOST_BUCKETS })
  /** Keys that may have a debt, so that it costs little to ask for one where there is none. Those of longest ago make space. */
  const owing = new Set<string>()

  function owe(key: string): void {
    if (owing.size >= MOST_BUCKETS) owing.delete(owing.values().next().value!)
    owing.add(key)
  }

  return {
    take(key, bucket, cost, isTold = false) {
      const moment = now()
      const known = remembered.get(key)
      const verdict = judge(bucket, known?.arrival ?? 0, moment, cost)
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

/** Both times pass alike, so a debt is there until the bucket is empty. */
function debtAt({ arrival, shared }: KnownBucket, moment: number): number {
  return Math.max(0, arrival - Math.max(shared, moment))
}
