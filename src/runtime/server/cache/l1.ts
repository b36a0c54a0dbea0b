import { LRUCache } from 'lru-cache'
import type { Times } from '../core/clock'
import { systemClock } from '../core/clock'
import { instrument } from '../core/instruments'

/** A decoded value in L1, the memory of this process. Times are monotonic milliseconds. */
export interface L1Entry<T = unknown> {
  value: T
  /** The value as a settled promise. It is created once, so that a hit allocates nothing. */
  promise: Promise<T>
  /** The epoch in which the value was read or loaded. An entry of an older epoch is a miss. */
  epoch: number
  /** Until this time a hit is served without Redis: the end of the value's ttl or of `scale.cache.l1.ttl`, whichever is earlier. */
  freshUntil: number
  /** End of `scale.cache.l1.ttl`: after it, even a stale value is read from Redis again. */
  heldUntil: number
  /** End of the value's ttl. */
  expires: number
  /** Stale horizon: the value must not be served after it. */
  horizon: number
  /** Duration of the load in ms. */
  cost: number
  writeId: string
  codec: string
  tags: readonly string[]
  versions: readonly string[]
  /** The stored key equals the caller's key: it has no scope, and nothing is encoded. */
  plainKey: boolean
  /** No refresh starts before this time, because another process holds the lease or the last load failed. */
  refreshAfter: number
}

const evictions = instrument('scale.cache.evictions')

/** Bytes of an entry without its payload: the object, its promise, the list node and the key. Measured with heap snapshots. */
const OVERHEAD = 700
/** Approximate bytes of a decoded object for each byte of its payload. Measured with small JSON objects. */
const BYTES_PER_PAYLOAD_BYTE = 3

/**
 * L1, the first level of the cache: an LRU cache with limits for entries and bytes, and an index from tags to keys.
 * When a tag is invalidated, the index finds and drops its entries. A hit therefore need not compare tag versions.
 */
export class L1 {
  readonly #entries: LRUCache<string, L1Entry> | undefined
  readonly #keysByTag = new Map<string, Set<string>>()

  constructor(limits: { maxEntries: number, maxBytes: number }, clock: Pick<Times, 'now'> = systemClock) {
    if (limits.maxEntries > 0) {
      this.#entries = new LRUCache<string, L1Entry>({
        max: limits.maxEntries,
        maxSize: limits.maxBytes,
        dispose: (entry, key, reason) => {
          this.#forgetTags(key, entry.tags)
          if (!evictions.enabled || reason === 'delete') return
          // An expired entry leaves when its new value replaces it, or when the cache is full.
          if (clock.now() >= Math.min(entry.heldUntil, entry.horizon)) evictions.record(1, 'expired')
          else if (reason === 'evict') evictions.record(1, this.size >= limits.maxEntries - 1 ? 'count' : 'bytes')
        },
      })
    }
  }

  get(key: string): L1Entry | undefined {
    return this.#entries?.get(key)
  }

  /** @param payloadBytes length of the serialized payload, from which the memory is estimated */
  set(key: string, entry: L1Entry, payloadBytes: number): void {
    if (this.#entries === undefined) return
    this.#entries.set(key, entry, { size: OVERHEAD + 2 * key.length + BYTES_PER_PAYLOAD_BYTE * payloadBytes })
    if (entry.tags.length === 0 || this.#entries.peek(key) !== entry) return
    for (const tag of entry.tags) {
      const keys = this.#keysByTag.get(tag)
      if (keys) keys.add(key)
      else this.#keysByTag.set(tag, new Set([key]))
    }
  }

  delete(key: string): void {
    this.#entries?.delete(key)
  }

  /** Drops every entry with the tag. If `version` is given, an entry with that version is kept. */
  deleteTag(tag: string, version?: string): void {
    for (const key of this.#keysByTag.get(tag) ?? []) {
      const entry = this.#entries?.peek(key)
      if (entry && (version === undefined || entry.versions[entry.tags.indexOf(tag)] !== version)) this.delete(key)
    }
  }

  /** Drops every entry with a tag that passes the test. */
  deleteTags(test: (tag: string) => boolean): void {
    for (const tag of [...this.#keysByTag.keys()].filter(test)) this.deleteTag(tag)
  }

  /** Drops every entry whose key passes the test. Returns the number of dropped entries. */
  deleteMatching(test: (key: string) => boolean): number {
    const keys = this.matching(test)
    for (const key of keys) this.delete(key)
    return keys.length
  }

  matching(test: (key: string) => boolean): string[] {
    return [...this.#entries?.keys() ?? []].filter(test)
  }

  get size(): number {
    return this.#entries?.size ?? 0
  }

  /** Estimated size in bytes. */
  get bytes(): number {
    return this.#entries?.calculatedSize ?? 0
  }

  clear(): void {
    this.#entries?.clear()
  }

  #forgetTags(key: string, tags: readonly string[]): void {
    for (const tag of tags) {
      const keys = this.#keysByTag.get(tag)
      if (keys?.delete(key) && keys.size === 0) this.#keysByTag.delete(tag)
    }
  }
}
