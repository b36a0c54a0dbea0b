import type { Coherence } from './coherence'
import type { Times } from '../core/clock'
import type { InvalidatedTags } from './invalidated-tags'
import type { SingleFlights } from './single-flights'
import type { Waiters } from './waiters'
import { SingleFlight } from './single-flights'
import type { L1, L1Entry } from './l1'
import type { CacheSettings } from './settings'
import type { CacheStore } from './store'
import type { CacheStats } from './types'

/** The state that the parts of the engine share in one process. */
export interface CacheCore {
  settings: CacheSettings
  clock: Times
  coherence: Coherence
  l1: L1
  store: CacheStore
  /** Running reads and loads for callers that have no value to serve. */
  flights: SingleFlights
  /** Running background reloads of values that are still served. */
  refreshes: SingleFlights
  waiters: Waiters
  invalidatedTags: InvalidatedTags
  stats: CacheStats
  log: CacheLog
  /** Keys for which a warning was logged, because each key is logged once. */
  complaints: Set<string>
  /** Whether to freeze the values of L1 and warn about values that change in their serializer. */
  development: boolean
  /** Time in ms that one call of the cache may spend on Redis. */
  budget: number
  /** Returns a new write id, which is unique among all loads of the cluster. */
  nextWriteId: () => string
}

export interface CacheLog {
  warn: (message: string) => void
  error: (message: string, error?: unknown) => void
}

/** The remaining time that one call may spend on Redis, in ms. Waiting for the load of another process does not count. */
export class Budget {
  left: number
  readonly #clock: Times

  constructor(left: number, clock: Times) {
    this.left = left
    this.#clock = clock
  }

  async spend<T>(operation: (budget: number) => Promise<T>): Promise<T> {
    const start = this.#clock.now()
    try {
      return await operation(Math.max(1, this.left))
    }
    finally {
      this.left -= this.#clock.now() - start
    }
  }
}

/** Records a read or load that begins now, with the current epoch, time, term and count of tag messages. */
export function beginSingleFlight({ clock, coherence, invalidatedTags }: CacheCore, key: string, tags: readonly string[]): SingleFlight {
  return new SingleFlight(key, coherence.epoch, clock.now(), invalidatedTags.count, tags, coherence.term)
}

/** Whether an L1 entry may be used at the time `now`: the bus is live, and no invalidation of the entry can have been missed. */
export function isUsable({ coherence }: CacheCore, entry: L1Entry, now: number): boolean {
  return now < coherence.liveUntil && entry.epoch === coherence.epoch
}

/** Whether the key was not invalidated since the read or load began: no invalidation was received, and none can have been missed. */
export function isClean(core: CacheCore, flight: SingleFlight): boolean {
  return !flight.dirty && flight.epoch === core.coherence.epoch
}
