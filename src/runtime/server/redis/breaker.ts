import type { RedisClock } from './clock'
import { processClock } from './clock'

/** The timers and the dice of a breaker, so that its tests own the time. */
export type BreakerClock = Pick<RedisClock, 'setTimeout' | 'clearTimeout' | 'random'>

/** What a breaker needs. */
export interface BreakerOptions {
  /** Resolves when the service answers. Called in the background only, one at a time. */
  probe: () => Promise<unknown>
  /** Told each time the breaker opens (`false`, with the reason) or closes (`true`). */
  onChange: (available: boolean, reason: string) => void
  /** Consecutive failures that open it. @default 3 */
  threshold?: number
  /** Milliseconds between two probes, with a quarter of jitter either side. @default 500 */
  interval?: number
  /** Milliseconds after which a probe has failed. */
  probeTimeout: number
  /** @default the timers of the process */
  clock?: BreakerClock
}

/** A circuit breaker of which no request is ever the probe. */
export interface Breaker {
  /** `closed`: calls pass. `open`: they do not. `half-open`: they do not, and a probe is on its way. */
  readonly state: 'closed' | 'open' | 'half-open'
  /** True while calls may pass. */
  readonly available: boolean
  /** Why it opened last; empty when it never did. */
  readonly reason: string
  /** A call was answered. */
  succeeded: () => void
  /** A call was not answered; the third in a row opens the breaker. */
  failed: (reason: string) => void
  /** The connection is known to be lost: opens at once. */
  trip: (reason: string) => void
  /** Something changed for the better: probes now instead of at the next interval. No effect while closed. */
  probeNow: () => void
  /** Stops the probes for ever; the state stays what it is. Idempotent. */
  close: () => void
}

/**
 * Creates a closed breaker.
 *
 * It opens after `threshold` consecutive failures or at once by `trip`, then asks `probe` every `interval`
 * until it succeeds. With the defaults a service that is back is used again within about 0.7 s.
 */
export function createBreaker(options: BreakerOptions): Breaker {
  const { probe, onChange, threshold = 3, interval = 500, probeTimeout, clock = processClock } = options
  let state: Breaker['state'] = 'closed'
  let reason = ''
  let failures = 0
  let timer: unknown
  let probeAgain = false
  let ended = false

  function open(cause: string): void {
    reason = cause
    state = 'open'
    failures = 0
    schedule()
    onChange(false, reason)
  }

  function schedule(): void {
    // Jitter keeps the instances of a fleet from probing a returning server in step.
    timer = clock.setTimeout(startProbe, interval * (0.75 + clock.random() / 2))
  }

  function startProbe(): void {
    state = 'half-open'
    probeAgain = false
    let pending = true
    const settle = (alive: boolean): void => {
      if (!pending) {
        return
      }
      pending = false
      clock.clearTimeout(timer)
      if (ended) {
        return
      }
      if (alive) {
        shut()
      }
      else {
        reopen()
      }
    }
    timer = clock.setTimeout(() => settle(false), probeTimeout)
    probe().then(() => settle(true), () => settle(false))
  }

  function shut(): void {
    state = 'closed'
    failures = 0
    onChange(true, reason)
  }

  function reopen(): void {
    state = 'open'
    if (probeAgain) {
      startProbe()
    }
    else {
      schedule()
    }
  }

  return {
    get state() {
      return state
    },
    get available() {
      return state === 'closed'
    },
    get reason() {
      return reason
    },
    succeeded() {
      failures = 0
    },
    failed(cause) {
      if (state === 'closed' && !ended && ++failures >= threshold) {
        open(cause)
      }
    },
    trip(cause) {
      if (state === 'closed' && !ended) {
        open(cause)
      }
    },
    probeNow() {
      if (ended || state === 'closed') {
        return
      }
      if (state === 'half-open') {
        probeAgain = true
        return
      }
      clock.clearTimeout(timer)
      startProbe()
    },
    close() {
      ended = true
      clock.clearTimeout(timer)
    },
  }
}
