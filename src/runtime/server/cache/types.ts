/** A length of time: a plain number is seconds, a string carries its unit, as in `'250ms'` or `'5m'`. */
export type Duration = number | string

/** Where a value came from. `stale` was served past its time while somebody reloads it. */
export type CacheSource = 'l1' | 'l2' | 'stale' | 'loader' | 'uncacheable'

/** How values of one entry become bytes and come back. */
export interface CacheSerializer<T = unknown> {
  /** One ASCII letter stored in the entry's header; an entry of another codec reads as a miss. */
  readonly codec: string
  encode: (value: T) => string | Uint8Array
  decode: (payload: Buffer) => T
}

/** What a loader may say about the load it runs in. */
export interface LoadContext {
  /** Aborted when the load's deadline passes. */
  readonly signal: AbortSignal
  /**
   * Tags of this entry that are known only now. They join the load at once.
   *
   * @throws TypeError when the tags of the entry no longer fit its header (99,999 characters). The load fails with it, also when the loader catches it.
   */
  addTags: (tags: readonly string[]) => void
  /** This result is personal or otherwise not to be stored; callers that wait for it load for themselves, at once. */
  uncacheable: () => void
  /**
   * Shortens the life of this entry, in seconds: how long it is fresh, and how long after that it may be served at all.
   * Neither gets longer than the options say; the shortest of several calls counts.
   */
  shorten: (fresh: number, stale: number) => void
}

export type CacheLoader<T> = (context: LoadContext) => T | Promise<T>

/** Options of one cached value. Durations are seconds, or strings with a unit. */
export interface CacheOptions<T = unknown> {
  /** How long the value is fresh. Default: `scale.cache.ttl` (300 s). */
  ttl?: Duration
  /** How long after `ttl` the old value is still served at once while one process reloads it. Default: `scale.cache.staleTtl` (0). */
  staleTtl?: Duration
  /** How long after `ttl` the old value is served when the loader fails or Redis is away. Default: `scale.cache.staleIfError` (0). */
  staleIfError?: Duration
  /** Share of `ttl` that is added or taken at random, so that entries written together do not expire together. Default: `scale.cache.jitter` (0.05). */
  jitter?: number
  /** Tags by which `invalidateCacheTags` finds this entry: at most 99,999 characters, where each tag takes its length and 18. */
  tags?: readonly string[]
  /** Deadline of one load, and the longest wait for another process's load. Default: `'30s'`. */
  timeout?: Duration
  /** How long a caller waits for another process's load before it takes a value within `staleIfError` instead. Default: `timeout`. */
  softTimeout?: Duration
  /** Take a lease so that one process of the cluster loads a missing key. Default: `scale.cache.lease` (true). */
  lease?: boolean
  /** Refresh before the end of `ttl` with a chance that grows as it nears (XFetch); a number sets beta. Default: `false` (`true` is beta 1). */
  earlyRefresh?: boolean | number
  /** How values become bytes: `'json'` (default), `'devalue'` (keeps Date, Map, Set, BigInt, undefined) or your own. */
  serializer?: 'json' | 'devalue' | CacheSerializer<T>
  /** Refuses a cached or loaded value: a refused hit is a miss, a refused load is not stored. */
  validate?: (value: T) => boolean
  /** Hears where the value came from, once a call, and its tags as they are stored: encoded, in the scope of the call. */
  onSource?: (source: CacheSource, tags: readonly string[]) => void
  /** Keeps the process alive for a refresh in the background, as `event.waitUntil` does. The promise never rejects. */
  waitUntil?: (refresh: Promise<void>) => void
  /** Hears the error of a refresh in the background, which no caller sees. The cache logs it with the key in any case. */
  onRefreshError?: (error: unknown) => void
}

/** Which tenants an invalidation touches: the current scope when absent, every scope with `'*'`. */
export interface ScopeOptions {
  scope?: '*' | (string & {})
}

export interface InvalidateOptions extends ScopeOptions {
  /** Reject when Redis did not confirm, instead of queueing the invalidation and resolving. Default: false. */
  strict?: boolean
}

/** Something that was taken away, in every process. Keys and tags are as they are stored: encoded, with their scope. */
export type Invalidation
  = | { kind: 'key', key: string }
    | { kind: 'tag', tag: string }
    /** In every scope; the tag is without one. */
    | { kind: 'tag everywhere', tag: string }
    /** An encoded glob in one scope, in none (`''`) or in every scope (`'*'`). */
    | { kind: 'pattern', pattern: { scope: string, glob: string } }

/** Follows an invalidation. With `strict` it rejects when it could not; otherwise it never rejects. */
export type InvalidationListener = (invalidation: Invalidation, strict: boolean) => Promise<void>

/** The one cache of the process. Every surface (helpers, Nitro's cache, `nitroApp.cache`) calls it. */
export interface CacheEngine {
  /**
   * The value of `key`: from L1, from Redis, or from `load`, which runs once per miss in the cluster.
   * A number in place of options is the ttl in seconds.
   */
  get: <T>(key: string, load: CacheLoader<T>, options?: CacheOptions<T> | number) => Promise<T>
  /** The fresh value of `key`, or undefined; never loads. */
  peek: <T>(key: string, options?: Pick<CacheOptions<T>, 'serializer'>) => Promise<T | undefined>
  /** Stores `value`. With racing writers invalidate instead: the last arrival wins. Returns whether Redis (or, embedded, L1) took it. */
  set: <T>(key: string, value: T, options?: CacheOptions<T>) => Promise<boolean>
  /** Lets another feature follow: `listener` hears of every invalidation once it was sent, and the caller waits for it. One at most. */
  onInvalidated: (listener: InvalidationListener) => void
  /** Deletes keys in every process. Write the source first and invalidate after. */
  invalidate: (keys: string | readonly string[], options?: InvalidateOptions) => Promise<void>
  /** Deletes every key that matches a Redis glob. Returns how many entries were deleted. */
  invalidatePattern: (pattern: string, options?: InvalidateOptions) => Promise<number>
  /** Makes every entry that names one of the tags a miss. */
  invalidateTags: (tags: string | readonly string[], options?: InvalidateOptions) => Promise<void>
  /** Keys of stored entries that match a Redis glob, decoded as the caller wrote them, in the current scope. */
  keys: (pattern: string, options?: ScopeOptions) => Promise<string[]>
  /** Whether it refuses unknown options, freezes what it hands out and warns about values that change when stored. */
  readonly development: boolean
  /** Counters since the start of the process. */
  readonly stats: CacheStats
  /** Whether L1 may be used now: the bus is heard, or there is no other process. */
  readonly live: boolean
  /** What L1 holds: entries, and their estimated bytes. */
  readonly memory: { entries: number, bytes: number }
  /** Stops timers and the bus. */
  close: () => Promise<void>
}

export interface CacheStats {
  l1Hits: number
  l2Hits: number
  staleHits: number
  loads: number
  loadErrors: number
  uncacheable: number
  /** Loads whose value was not stored because somebody invalidated the key meanwhile. */
  fencedWrites: number
  redisErrors: number
  /** Invalidations that Redis did not confirm and that wait to be sent again. */
  invalidationsQueued: number
  epochs: number
}
