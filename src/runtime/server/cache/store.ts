/**
 * What the engine needs of the level behind L1. Redis in a cluster; the memory of the process when nothing is configured.
 * Every call settles within its budget (ms) or rejects.
 */
export interface CacheStore {
  /** False for the embedded store, which holds leases and markers but no entries: there L1 is the only copy. */
  readonly holdsEntries: boolean
  /** False while nobody should wait for it. */
  readonly available: boolean
  /** Resolves when the connection has said which master it reaches, or that it does not know. */
  untilTermTold: (budget: number) => Promise<void>
  /** The stored entry, and the versions of `tags` as of the same moment. */
  read: (key: string, tags: readonly string[], budget: number) => Promise<StoredRead>
  versions: (tags: readonly string[], budget: number) => Promise<(string | null)[]>
  /** Competes for the load of a key. `takeFailedAfter` is the age in ms at which the marker of a failed load no longer holds; undefined for never. */
  acquire: (key: string, seenWriteId: string, token: string, takeFailedAfter: number | undefined, budget: number) => Promise<LeaseAnswer>
  renew: (key: string, token: string, budget: number) => Promise<void>
  /**
   * Ends a lease without a write and tells the waiters. After `failed` each process may load once for itself, after `oversized` too, and the old
   * entry goes; after `uncacheable` every caller loads for itself; after `free` they compete again.
   */
  settle: (key: string, token: string, outcome: 'failed' | 'oversized' | 'uncacheable' | 'free', budget: number) => Promise<void>
  /** Stores an entry if the lease is still `token`'s. */
  write: (key: string, token: string, entry: string | Buffer, life: number, budget: number) => Promise<boolean>
  set: (key: string, entry: string | Buffer, life: number, budget: number) => Promise<void>
  /** Versions of tags, made when missing and then dated long ago. They live `life` ms at least. */
  noteTags: (tags: readonly string[], life: number, budget: number) => Promise<string[]>
  /** Whether every invalidation that was published before this call has been heard here. */
  heardAll: (budget: number) => Promise<boolean>
  delete: (key: string, budget: number) => Promise<void>
  /** Deletes leases, then entries, whose key matches. Returns the number of entries. */
  deleteMatching: (pattern: ScopedPattern) => Promise<number>
  bumpTag: (tag: string, budget: number) => Promise<void>
  /** The same for a tag, without its scope, in every scope. */
  bumpTagEverywhere: (tag: string, budget: number) => Promise<void>
  /** Encoded keys of stored entries that match. */
  keys: (pattern: ScopedPattern) => Promise<string[]>
}

/** An encoded glob in one scope, in none (`''`) or in every scope (`'*'`). */
export interface ScopedPattern {
  scope: string
  glob: string
}

export interface StoredRead {
  bytes: Buffer | null
  versions: readonly (string | null)[]
  /** Id of the term of the master that answered; '' when that is not known for sure. */
  term: string
}

/**
 * `won`: load now; `time` is the store's clock in µs. `changed`: the entry is not the one that was read. `held`: somebody else loads.
 * `failed`, `uncacheable`: what became of the last load.
 */
export type LeaseAnswer = { state: 'won', time: number } | { state: 'changed' | 'held' | 'failed' | 'uncacheable' }

/** A lease lives this long unless its holder renews it, at half time. */
export const LEASE_LIFE = 5000
/** How long the outcome of a load that stored nothing is remembered. */
export const MARKER_LIFE = 10_000
/** How long a tag's version lives at least. */
export const TAG_LIFE = 3_600_000
