import type { Term } from './coherence'

/** The result of a read or load. A `personal` result goes only to the caller that started it. */
export interface LoadResult<T = unknown> {
  value: T
  source: 'l2' | 'stale' | 'loader' | 'uncacheable'
  /** Encoded, with their scope: the tags of the options and those that the load added. */
  tags: readonly string[]
  personal?: boolean
}

/** Returned to joined callers in place of a value: the result is personal, so each of them loads for itself. */
export const PERSONAL = Symbol('personal')
/** Returned to joined callers in place of a value: the result may be stale for them, so they read again. */
export const AGAIN = Symbol('again')

export type JoinResult = LoadResult | typeof PERSONAL | typeof AGAIN

/** One running read or load of a key in this process, and the callers that joined it and wait for its result. */
export class SingleFlight {
  readonly key: string
  readonly epoch: number
  /** Start in monotonic ms. */
  readonly began: number
  /** Number of tag messages that this process had received when it began. */
  readonly tagMessages: number
  /** Encoded tags of the entry, as far as they are known. */
  tags: readonly string[]
  /** The master's term in which it began. The value is stored under this term. */
  readonly term: Term
  /** The key was invalidated since it began: no caller joins any more, and its value is not stored. */
  dirty = false
  /** It is over, or no caller may join it any more. */
  ended = false
  /** A clean read or load of the same key that this one replaced in the registry. Invalidations must still mark it. */
  older: SingleFlight | undefined
  #joined: PromiseWithResolvers<JoinResult> | undefined
  #result: JoinResult | undefined

  constructor(key: string, epoch: number, began: number, tagMessages: number, tags: readonly string[], term: Term) {
    this.key = key
    this.epoch = epoch
    this.began = began
    this.tagMessages = tagMessages
    this.tags = tags
    this.term = term
  }

  join(): Promise<JoinResult> {
    if (this.#result !== undefined) return Promise.resolve(this.#result)
    if (this.#joined === undefined) {
      this.#joined = Promise.withResolvers()
      this.#joined.promise.catch(() => {}) // Each joined caller handles the error itself.
    }
    return this.#joined.promise
  }

  /** Answers the joined callers. Only the first call has an effect: a personal load answers them before it ends. */
  resolve(result: JoinResult): void {
    if (this.#result !== undefined) return
    this.#result = result
    this.#joined?.resolve(result)
  }

  reject(error: unknown): void {
    this.#joined?.reject(error)
  }
}

/** The running reads and loads of this process by key. Invalidations mark them, so that no stale value is stored or joined. */
export class SingleFlights {
  readonly #byKey = new Map<string, SingleFlight>()

  get(key: string): SingleFlight | undefined {
    return this.#byKey.get(key)
  }

  begin(flight: SingleFlight): void {
    let older = this.#byKey.get(flight.key)
    // Ended and dirty ones need no further marks.
    for (let at: SingleFlight | undefined = older; at; at = at.older) {
      while (at.older && (at.older.dirty || at.older.ended)) at.older = at.older.older
    }
    while (older && (older.dirty || older.ended)) older = older.older
    flight.older = older
    this.#byKey.set(flight.key, flight)
  }

  end(flight: SingleFlight): void {
    flight.ended = true
    let newest = this.#byKey.get(flight.key)
    if (newest !== flight) return
    while (newest?.ended) newest = newest.older
    if (newest) this.#byKey.set(flight.key, newest)
    else this.#byKey.delete(flight.key)
  }

  markKey(key: string): void {
    for (let flight = this.#byKey.get(key); flight; flight = flight.older) flight.dirty = true
  }

  markTags(test: (tag: string) => boolean): void {
    this.#mark(flight => flight.tags.some(test))
  }

  markMatching(test: (key: string) => boolean): void {
    this.#mark(flight => test(flight.key))
  }

  /** Removes all from the registry. Callers that already joined still get their value. */
  clear(): void {
    this.#byKey.clear()
  }

  #mark(concerns: (flight: SingleFlight) => boolean): void {
    for (const newest of this.#byKey.values()) {
      for (let flight: SingleFlight | undefined = newest; flight; flight = flight.older) {
        if (concerns(flight)) flight.dirty = true
      }
    }
  }
}
