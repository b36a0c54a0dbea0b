import type { Coherence } from './bus'
import type { Clock } from './clock'
import type { Flights, HeardTags, Waiters } from './flights'
import { Flight } from './flights'
import type { L1, L1Entry } from './l1'
import type { CacheSettings } from './settings'
import type { CacheStore } from './store'
import type { CacheStats } from './types'

/** Everything that the parts of the engine share in one process. */
export interface CacheCore {
  settings: CacheSettings
  clock: Clock
  coherence: Coherence
  l1: L1
  store: CacheStore
  /** Reads and loads of callers that have nothing to serve. */
  flights: Flights
  /** Reloads in the background of values that are served meanwhile. */
  refreshes: Flights
  waiters: Waiters
  heardTags: HeardTags
  stats: CacheStats
  log: CacheLog
  /** Keys whose values gave reason to complain, which is done once. */
  complaints: Set<string>
  /** Freeze what L1 hands out and warn about values that do not survive their serializer. */
  development: boolean
  /** Budget in ms that one call of the cache may spend on Redis. */
  budget: number
  /** A new write id: unique among all loads of the cluster. */
  nextWriteId: () => string
}

export interface CacheLog {
  warn: (message: string) => void
  error: (message: string, error?: unknown) => void
}

/** What one call may still spend on Redis. Waiting for somebody else's load does not count. */
export class Budget {
  left: number
  readonly #clock: Clock

  constructor(left: number, clock: Clock) {
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

/** A flight that begins now: what happens from here on concerns it. */
export function beginFlight({ clock, coherence, heardTags }: CacheCore, key: string, tags: readonly string[]): Flight {
  return new Flight(key, coherence.epoch, clock.now(), heardTags.count, tags, coherence.term)
}

/** Whether an L1 entry may be used at all at the moment `now`: no news about it can have been missed. */
export function isUsable({ coherence }: CacheCore, entry: L1Entry, now: number): boolean {
  return now < coherence.liveUntil && entry.epoch === coherence.epoch
}

/** Whether news that the key is old came while the flight was under way, or may have been missed. */
export function isClean(core: CacheCore, flight: Flight): boolean {
  return !flight.dirty && flight.epoch === core.coherence.epoch
}
