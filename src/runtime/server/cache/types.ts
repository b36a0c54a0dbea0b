import type { Duration } from '../core/duration'
import type { Series } from '../core/instruments'

/** Where a value came from. `stale`: the value is past its `ttl` and was served nevertheless. */
export type CacheSource = 'l1' | 'l2' | 'stale' | 'loader' | 'uncacheable'

/** Counters of the reads of one definition, by the source of the value. They are created once, so that a hit allocates nothing. */
export interface CacheReads extends Readonly<Record<CacheSource, Series>> {
  readonly surface: 'function' | 'handler' | 'route' | 'manual'
  /** Declared name; empty if there is none. */
  readonly name: string
  /** Calls that did not use the cache. */
  readonly bypass: Series
  /** Calls whose load failed. */
  readonly error: Series
}

/** Converts the values of an entry to bytes and back. */
export interface CacheSerializer<T = unknown> {
  /** One ASCII letter that is stored in the entry's header. An entry with another codec is a miss. */
  readonly codec: string
  encode: (value: T) => string | Uint8Array
  decode: (payload: Buffer) => T
}

/** The running load, as its loader sees it. */
export interface LoadContext {
  /** Aborts when the load exceeds its `timeout`. */
  readonly signal: AbortSignal
  /**
   * Adds tags to the entry during the load. They take effect at once.
   *
   * @throws TypeError when the tags of the entry exceed 99,999 characters. The load then fails, even if the loader catches the error.
   */
  addTags: (tags: readonly string[]) => void
  /** Marks the result as personal or otherwise not to be stored. Callers that wait for this load stop waiting and load for themselves. */
  uncacheable: () => void
  /**
   * Shortens the lifetime of this entry. Both values are seconds: how long it is fresh, and how long after that it may be served stale.
   * The options remain the upper limit. If called several times, the shortest values apply.
   */
  shorten: (fresh: number, stale: number) => void
}

export type CacheLoader<T> = (context: LoadContext) => T | Promise<T>

/** Options of one cached value. A duration is a number of seconds, or a string with a unit. */
export interface CacheOptions<T = unknown> {
  /**
   * How long the value is fresh.
   * @default `scale.cache.ttl` (300 s)
   */
  ttl?: Duration
  /**
   * How long after `ttl` the old value is still served at once while one process reloads it.
   * @default `scale.cache.staleTtl` (0)
   */
  staleTtl?: Duration
  /**
   * How long after `ttl` the old value is served when the loader fails or Redis is unavailable.
   * @default `scale.cache.staleIfError` (0)
   */
  staleIfError?: Duration
  /**
   * Share of `ttl`, from 0 to 1, that is added or subtracted at random, so that entries written together do not expire together.
   * @default `scale.cache.jitter` (0.05)
   */
  jitter?: number
  /**
   * Tags by which `invalidateCacheTags` finds this entry.
   * Together they take at most 99,999 characters, counting 18 characters in addition to the length of each tag.
   */
  tags?: readonly string[]
  /**
   * Deadline of one load, and the longest wait for the load of another process.
   * @default `scale.cache.timeout` (30 s)
   */
  timeout?: Duration
  /**
   * How long a caller waits for the load of another process before it takes a value within `staleIfError` instead.
   * @default `timeout`
   */
  softTimeout?: Duration
  /**
   * Takes a lease in Redis, so that only one process of the cluster loads a missing key.
   * @default `scale.cache.lease` (true)
   */
  lease?: boolean
  /**
   * Refreshes a value before its `ttl` ends. The probability grows as the end of `ttl` approaches.
   * A number sets beta, the strength of the effect; `true` is beta 1.
   * @default false
   * @see XFetch: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015
   */
  earlyRefresh?: boolean | number
  /**
   * Converts values to bytes: `'json'`, `'devalue'` (which keeps Date, Map, Set, BigInt and undefined), or your own serializer.
   * @default 'json'
   */
  serializer?: 'json' | 'devalue' | CacheSerializer<T>
  /** Accepts or rejects a value. A rejected hit is a miss; a rejected loaded value is not stored. */
  validate?: (value: T) => boolean
  /** Called once per call with the value's source and its stored tags (encoded and scoped to the tenant). */
  onSource?: (source: CacheSource, tags: readonly string[]) => void
  /** Keeps the process alive during a background refresh, as `event.waitUntil` does. The promise never rejects. */
  waitUntil?: (refresh: Promise<void>) => void
  /** Called with the error of a background refresh, which no caller receives. The cache also logs the error with the key. */
  onRefreshError?: (error: unknown) => void
  /** Counters of the definition that makes the call. Only the module sets them. */
  reads?: CacheReads
}

/** The tenants that an invalidation affects: the current scope by default, every scope with `'*'`. */
export interface ScopeOptions {
  scope?: '*' | (string & {})
}

export interface InvalidateOptions extends ScopeOptions {
  /**
   * Rejects when Redis did not confirm the invalidation. Without it the call resolves and the invalidation is queued.
   * @default false
   */
  strict?: boolean
}

/** One invalidation. Keys and tags are in their stored form: encoded, with their scope. */
export type Invalidation
  = | { kind: 'key', key: string }
    | { kind: 'tag', tag: string }
    /** Applies to every scope; the tag carries none. */
    | { kind: 'tag everywhere', tag: string }
    /** An encoded glob in one scope, in no scope (`''`) or in every scope (`'*'`). */
    | { kind: 'pattern', pattern: { scope: string, glob: string } }

/** Called after an invalidation. With `strict` it rejects when its own work failed; otherwise it never rejects. */
export type InvalidationListener = (invalidation: Invalidation, strict: boolean) => Promise<void>

/** The cache of the process. The helpers, Nitro's cache and `nitroApp.cache` all use it. */
export interface CacheEngine {
  /**
   * Returns the value of `key` from L1, from Redis, or from `load`, which runs once per miss in the cluster.
   * A number in place of options is the `ttl` in seconds.
   */
  get: <T>(key: string, load: CacheLoader<T>, options?: CacheOptions<T> | number) => Promise<T>
  /** Returns the fresh value of `key`, or undefined. It never loads. */
  peek: <T>(key: string, options?: Pick<CacheOptions<T>, 'serializer'>) => Promise<T | undefined>
  /**
   * Stores `value`. If several processes set the same key, the last write wins; use an invalidation instead in that case.
   * Returns whether Redis (or L1, without Redis) stored it.
   */
  set: <T>(key: string, value: T, options?: CacheOptions<T>) => Promise<boolean>
  /** Registers the one listener that runs after every invalidation. The caller of the invalidation waits for it. */
  onInvalidated: (listener: InvalidationListener) => void
  /** Deletes keys in every process. Write to the database first, then invalidate. */
  invalidate: (keys: string | readonly string[], options?: InvalidateOptions) => Promise<void>
  /** Deletes every key that matches a Redis glob. Returns the number of deleted entries. */
  invalidatePattern: (pattern: string, options?: InvalidateOptions) => Promise<number>
  /** Makes every entry with one of the tags a miss. */
  invalidateTags: (tags: string | readonly string[], options?: InvalidateOptions) => Promise<void>
  /** Returns the keys of stored entries that match a Redis glob in the current scope, decoded to the form that the caller wrote. */
  keys: (pattern: string, options?: ScopeOptions) => Promise<string[]>
  /** Whether the engine rejects unknown options, freezes returned values and warns about values that change when stored. */
  readonly development: boolean
  /** Counters since the start of the process. */
  readonly stats: CacheStats
  /** Whether L1 may be used now: the bus is live, or the cache runs without Redis. */
  readonly live: boolean
  /** The current size of L1: its entries and their estimated bytes. */
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
  /** Loads whose value was not stored because the key or a tag was invalidated during the load. */
  fencedWrites: number
  redisErrors: number
  /** Invalidations that Redis has not confirmed yet and that are sent again. */
  invalidationsQueued: number
  epochs: number
}
