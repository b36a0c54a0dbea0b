import type { Clock } from '../core/clock'
import { systemClock } from '../core/clock'

/** Timers and random source of a breaker. Tests replace them. */
type BreakerClock = Pick<Clock, 'setTimeout' | 'clearTimeout' | 'random'>

/** Options of {@link createBreaker}. */
export interface BreakerOptions {
  /** Resolves when the service answers. The breaker calls it in the background, one call at a time. */
  probe: () => Promise<unknown>
  /** Called each time the breaker opens (`false`, with the reason) or closes (`true`). */
  onChange: (available: boolean, reason: string) => void
  /** Number of consecutive failures that open the breaker. @default 3 */
  threshold?: number
  /** Milliseconds between two probes, plus or minus a random quarter. @default 500 */
  interval?: number
  /** Milliseconds after which a probe counts as failed. */
  probeTimeout: number
  /** @default the timers of the process */
  clock?: BreakerClock
}

/** A circuit breaker. Its probes run in the background, so it never uses a request as a probe. */
export interface Breaker {
  /** `closed`: calls pass. `open`: calls fail at once. `half-open`: calls fail at once, and a probe is running. */
  readonly state: 'closed' | 'open' | 'half-open'
  /** True while calls may pass. */
  readonly available: boolean
  /** Why the breaker opened last; empty if it never opened. */
  readonly reason: string
  /** Reports that a call was answered. */
  succeeded: () => void
  /** Reports that a call was not answered. After `threshold` such calls in a row, the breaker opens. */
  failed: (reason: string) => void
  /** Opens the breaker at once, because the connection is lost. */
  trip: (reason: string) => void
  /** Probes now instead of at the next interval, because the service may be back. It has no effect while the breaker is closed. */
  probeNow: () => void
  /** Stops the probes permanently and leaves the state unchanged. Idempotent. */
  close: () => void
}

/**
 * Creates a closed breaker.
 *
 * It opens after `threshold` consecutive failures, or at once by `trip`. Then it calls `probe` every `interval`
 * until a probe succeeds. With the defaults, calls pass again within about 0.7 s after the service is back.
 */
export function createBreaker(options: BreakerOptions): Breaker {
  const { probe, onChange, threshold = 3, interval = 500, probeTimeout, clock = systemClock } = options
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
    // Jitter prevents all instances from probing a recovering server at the same time.
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
