import { LRUCache } from 'lru-cache'

/** A decoded value in the memory of this process. Times are monotonic milliseconds. */
export interface L1Entry<T = unknown> {
  value: T
  /** The value as a settled promise, made once: a hit allocates nothing. */
  promise: Promise<T>
  /** The epoch in which it was read or loaded; of an older epoch it is a miss. */
  epoch: number
  /** End of the time in which a hit asks nobody: the end of its ttl, or of L1's own cap if that is sooner. */
  freshUntil: number
  /** End of L1's cap: past it even a stale value is read from Redis again. */
  heldUntil: number
  /** End of its ttl. */
  expires: number
  /** End of the time in which it may be served at all. */
  horizon: number
  /** How long its load took in ms. */
  cost: number
  writeId: string
  codec: string
  tags: readonly string[]
  versions: readonly string[]
  /** Its stored key is the caller's key as it was written: no scope and nothing encoded. */
  plainKey: boolean
  /** Before this moment nobody asks for a refresh again: somebody else holds the lease, or the last load failed. */
  refreshAfter: number
}

/** Bytes that an entry costs beside its payload: the entry, its promise, the list node, the key. Measured with heap snapshots. */
const OVERHEAD = 700
/** A decoded object takes about this many bytes for each byte of its payload. Measured on small JSON objects. */
const BYTES_PER_PAYLOAD_BYTE = 3

/**
 * The first level: least recently used entries within a number and a size, with an index from tag to keys.
 * Because the index drops every entry of a tag when its invalidation is heard, a hit compares no versions.
 */
export class L1 {
  readonly #entries: LRUCache<string, L1Entry> | undefined
  readonly #keysByTag = new Map<string, Set<string>>()

  constructor(limits: { maxEntries: number, maxBytes: number }) {
    if (limits.maxEntries > 0) {
      this.#entries = new LRUCache<string, L1Entry>({
        max: limits.maxEntries,
        maxSize: limits.maxBytes,
        dispose: (entry, key) => this.#forgetTags(key, entry.tags),
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

  /** Drops every entry that names the tag; with a version, those of another version. */
  deleteTag(tag: string, version?: string): void {
    for (const key of this.#keysByTag.get(tag) ?? []) {
      const entry = this.#entries?.peek(key)
      if (entry && (version === undefined || entry.versions[entry.tags.indexOf(tag)] !== version)) this.delete(key)
    }
  }

  /** Drops every entry that names a tag which passes the test. */
  deleteTags(test: (tag: string) => boolean): void {
    for (const tag of [...this.#keysByTag.keys()].filter(test)) this.deleteTag(tag)
  }

  /** Drops every entry whose key passes the test. Returns how many. */
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

  /** Estimated bytes held. */
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
