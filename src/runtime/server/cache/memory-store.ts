import { LRUCache } from 'lru-cache'
import type { Times } from '../core/clock'
import { patternTest, writePattern } from './pattern'
import { FAILED, UNCACHEABLE } from './scripts'
import type { CacheStore, LeaseAnswer, ScopedPattern, StoredRead } from './store'
import { LEASE_LIFE, MARKER_LIFE } from './store'

const NOTHING: StoredRead = { bytes: null, versions: [], term: '' }
/** Maximum number of leases and markers. Evicting one only causes a second load. */
const MOST_LEASES = 10_000

/**
 * Creates the store for an app without Redis. It keeps leases and markers in the process, so that the engine has one code path.
 * Entries are in L1 alone. An invalidation drops them there, so tags need no versions.
 */
export function createMemoryStore(clock: Times): CacheStore {
  const leases = new LRUCache<string, { holder: string, until: number }>({ max: MOST_LEASES })

  function holderOf(key: string): { holder: string, until: number } | undefined {
    const lease = leases.get(key)
    return lease && lease.until > clock.now() ? lease : undefined
  }

  return {
    holdsEntries: false,
    available: true,
    untilTermKnown: async () => {},
    read: async () => NOTHING,
    versions: async () => [],
    async acquire(key, _seenWriteId, token, takeFailedAfter): Promise<LeaseAnswer> {
      const lease = holderOf(key)
      const age = lease ? MARKER_LIFE - (lease.until - clock.now()) : 0
      const free = lease?.holder === FAILED && takeFailedAfter !== undefined && age >= takeFailedAfter
      if (lease && !free && lease.holder !== token) {
        return { state: lease.holder === FAILED || lease.holder === UNCACHEABLE ? lease.holder : 'held' }
      }
      leases.set(key, { holder: token, until: clock.now() + LEASE_LIFE })
      return { state: 'won', time: clock.wall() * 1000, stolen: free }
    },
    async renew(key, token) {
      if (holderOf(key)?.holder === token) leases.set(key, { holder: token, until: clock.now() + LEASE_LIFE })
    },
    async settle(key, token, outcome) {
      if (holderOf(key)?.holder !== token) return
      if (outcome === 'free') leases.delete(key)
      else leases.set(key, { holder: outcome === 'uncacheable' ? UNCACHEABLE : FAILED, until: clock.now() + MARKER_LIFE })
    },
    async write(key, token) {
      return holderOf(key)?.holder === token && leases.delete(key)
    },
    async set(key) {
      leases.delete(key)
    },
    noteTags: async tags => tags.map(() => '0'),
    receivedAll: async () => true,
    async delete(key) {
      leases.delete(key)
    },
    async deleteMatching(pattern: ScopedPattern) {
      const test = patternTest(writePattern(pattern))
      for (const key of [...leases.keys()]) {
        if (test(key)) leases.delete(key)
      }
      return 0
    },
    bumpTag: async () => {},
    bumpTagEverywhere: async () => {},
    keys: async () => [],
  }
}
