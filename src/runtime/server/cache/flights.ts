import { withoutScope } from './key'
import type { Term } from './term'

/** What a flight brings home. `personal` values go to their own caller only. */
export interface Landing<T = unknown> {
  value: T
  source: 'l2' | 'stale' | 'loader' | 'uncacheable'
  /** Encoded, with their scope: those of the options and those that the load named. */
  tags: readonly string[]
  personal?: boolean
}

/** Given to joiners instead of a value: nothing could be handed to them, each loads for itself. */
export const PERSONAL = Symbol('personal')
/** Given to joiners instead of a value: the result is not for them, they read again. */
export const AGAIN = Symbol('again')

export type Arrival = Landing | typeof PERSONAL | typeof AGAIN

/** One read or load of a key that is under way in this process, and those who wait for it. */
export class Flight {
  readonly key: string
  readonly epoch: number
  /** Monotonic moment of its start. */
  readonly began: number
  /** Number of tag messages that had been heard when it began. */
  readonly heardTags: number
  /** Encoded tags of the entry, as far as they are known. */
  tags: readonly string[]
  /** The master's term in which it began: what it stores belongs to that one. */
  readonly term: Term
  /** Somebody invalidated the key since it began: newcomers do not join, and its value is not kept. */
  dirty = false
  /** It is no longer under way, or nobody may join it any more. */
  ended = false
  /** A clean flight of the same key that this one replaced in the registry. It still must hear invalidations. */
  older: Flight | undefined
  #joined: PromiseWithResolvers<Arrival> | undefined
  #arrival: Arrival | undefined

  constructor(key: string, epoch: number, began: number, heardTags: number, tags: readonly string[], term: Term) {
    this.key = key
    this.epoch = epoch
    this.began = began
    this.heardTags = heardTags
    this.tags = tags
    this.term = term
  }

  join(): Promise<Arrival> {
    if (this.#arrival !== undefined) return Promise.resolve(this.#arrival)
    if (this.#joined === undefined) {
      this.#joined = Promise.withResolvers()
      this.#joined.promise.catch(() => {}) // each joiner handles its own copy
    }
    return this.#joined.promise
  }

  /** Lets the joiners go. The first call counts: a flight known to be personal lets them go before it ends. */
  land(arrival: Arrival): void {
    if (this.#arrival !== undefined) return
    this.#arrival = arrival
    this.#joined?.resolve(arrival)
  }

  fail(error: unknown): void {
    this.#joined?.reject(error)
  }
}

/** The flights of this process by key. Invalidations mark them, so that no value outlives the news that it is old. */
export class Flights {
  readonly #byKey = new Map<string, Flight>()

  get(key: string): Flight | undefined {
    return this.#byKey.get(key)
  }

  begin(flight: Flight): void {
    let older = this.#byKey.get(flight.key)
    // Those that are over, and those that were told already, need not hear any more.
    for (let at: Flight | undefined = older; at; at = at.older) {
      while (at.older && (at.older.dirty || at.older.ended)) at.older = at.older.older
    }
    while (older && (older.dirty || older.ended)) older = older.older
    flight.older = older
    this.#byKey.set(flight.key, flight)
  }

  end(flight: Flight): void {
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

  /** Forgets all; each still brings its value to those who wait for it. */
  clear(): void {
    this.#byKey.clear()
  }

  #mark(concerns: (flight: Flight) => boolean): void {
    for (const newest of this.#byKey.values()) {
      for (let flight: Flight | undefined = newest; flight; flight = flight.older) {
        if (concerns(flight)) flight.dirty = true
      }
    }
  }
}

/** Callers that wait for another process's load of a key. */
export class Waiters {
  readonly #byKey = new Map<string, Set<() => void>>()

  /** Resolves when the key is woken, at the latest after `longest` ms. */
  wait(key: string, longest: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#byKey.get(key) ?? new Set()
      this.#byKey.set(key, waiting)
      const done = () => {
        clearTimeout(timer)
        waiting.delete(done)
        if (waiting.size === 0 && this.#byKey.get(key) === waiting) this.#byKey.delete(key)
        resolve()
      }
      const timer = setTimeout(done, longest)
      waiting.add(done)
    })
  }

  wake(key: string): void {
    for (const done of [...this.#byKey.get(key) ?? []]) done()
  }

  wakeMatching(test: (key: string) => boolean): void {
    for (const key of [...this.#byKey.keys()]) {
      if (test(key)) this.wake(key)
    }
  }
}

/** Most tags whose last message is remembered. */
const MOST_HEARD_TAGS = 10_000
/** Not the beginning of any stored tag: a scope's name is encoded. */
const EVERY_SCOPE = '{*}'

/** Which tags were invalidated lately, for loads that name a tag only while they run. */
export class HeardTags {
  /** How many messages were heard. */
  count = 0
  #forgotten = 0
  readonly #lastHeard = new Map<string, number>()

  hear(tag: string): void {
    this.#lastHeard.delete(tag)
    this.#lastHeard.set(tag, ++this.count)
    if (this.#lastHeard.size > MOST_HEARD_TAGS) {
      const [oldest, heard] = this.#lastHeard.entries().next().value!
      this.#lastHeard.delete(oldest)
      this.#forgotten = heard
    }
  }

  /** A tag was invalidated in every scope. */
  hearEverywhere(tag: string): void {
    this.hear(EVERY_SCOPE + tag)
  }

  /** Whether a message about the tag may have come since `count` stood at `mark`. What was forgotten counts as heard. */
  since(tag: string, mark: number): boolean {
    return this.#forgotten > mark
      || (this.#lastHeard.get(tag) ?? 0) > mark
      || (this.#lastHeard.get(EVERY_SCOPE + withoutScope(tag)) ?? 0) > mark
  }
}
