/**
 * L2, the store behind L1: Redis, or the memory of the process when Redis is not configured.
 * Every call settles within its budget (ms) or rejects.
 */
export interface CacheStore {
  /** False for the embedded store (without Redis). It holds leases and markers only; L1 has the only copy of an entry. */
  readonly holdsEntries: boolean
  /** False while Redis is unavailable, so that no caller waits for it. */
  readonly available: boolean
  /** Resolves when the term of the current master is known, or when the connection is lost before that. */
  untilTermKnown: (budget: number) => Promise<void>
  /** Reads the stored entry and the versions of `tags` in the same round trip. */
  read: (key: string, tags: readonly string[], budget: number) => Promise<StoredRead>
  versions: (tags: readonly string[], budget: number) => Promise<(string | null)[]>
  /**
   * Competes for the lease of a key.
   *
   * @param takeFailedAfter age in ms from which a `failed` marker may be taken over; undefined for never
   */
  acquire: (key: string, seenWriteId: string, token: string, takeFailedAfter: number | undefined, budget: number) => Promise<LeaseAnswer>
  renew: (key: string, token: string, budget: number) => Promise<void>
  /**
   * Ends a lease without a write and notifies the waiters:
   * - `failed`: each process loads once for itself;
   * - `oversized`: the same, and the old entry is deleted;
   * - `uncacheable`: every caller loads for itself, and the old entry is deleted;
   * - `free`: the waiters compete for the lease again.
   */
  settle: (key: string, token: string, outcome: 'failed' | 'oversized' | 'uncacheable' | 'free', budget: number) => Promise<void>
  /** Stores an entry if the lease still holds `token`. Returns whether it was stored. */
  write: (key: string, token: string, entry: string | Buffer, life: number, budget: number) => Promise<boolean>
  set: (key: string, entry: string | Buffer, life: number, budget: number) => Promise<void>
  /** Returns the versions of tags. A missing version is created with a time before any load. Versions live at least `life` ms. */
  noteTags: (tags: readonly string[], life: number, budget: number) => Promise<string[]>
  /** Whether this process has received every invalidation that was published before this call. */
  receivedAll: (budget: number) => Promise<boolean>
  delete: (key: string, budget: number) => Promise<void>
  /** Deletes the leases, then the entries, whose key matches. Returns the number of deleted entries. */
  deleteMatching: (pattern: ScopedPattern) => Promise<number>
  /** Raises the version of a tag, which makes every entry with the tag a miss. */
  bumpTag: (tag: string, budget: number) => Promise<void>
  /** Raises the versions of a tag in every scope. `tag` is without a scope. */
  bumpTagEverywhere: (tag: string, budget: number) => Promise<void>
  /** Returns the encoded keys of the stored entries that match. */
  keys: (pattern: ScopedPattern) => Promise<string[]>
}

/** An encoded glob in one scope, in no scope (`''`) or in every scope (`'*'`). */
export interface ScopedPattern {
  scope: string
  glob: string
}

export interface StoredRead {
  bytes: Buffer | null
  versions: readonly (string | null)[]
  /** Id of the term of the master that answered; '' if it is not known. */
  term: string
}

/**
 * Result of the competition for a lease:
 * - `won`: the caller loads; `time` is the store's clock in µs, and `stolen` whether a failed load had kept the lease.
 * - `changed`: the entry is not the one that the caller read.
 * - `held`: another caller holds the lease.
 * - `failed`, `uncacheable`: the marker that the last load left.
 */
export type LeaseAnswer = { state: 'won', time: number, stolen: boolean } | { state: 'changed' | 'held' | 'failed' | 'uncacheable' }

/** Lifetime of a lease in ms. Its holder renews it at half time. */
export const LEASE_LIFE = 5000
/** Lifetime in ms of the markers `uncacheable` and `failed`. */
export const MARKER_LIFE = 10_000
/** Minimum lifetime of a tag version in ms. */
export const TAG_LIFE = 3_600_000
