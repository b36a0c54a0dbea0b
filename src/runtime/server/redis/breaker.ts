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
  return new ProbingBreaker(options)
}

class ProbingBreaker implements Breaker {
  state: Breaker['state'] = 'closed'
  reason = ''

  readonly #options: Required<BreakerOptions>
  #failures = 0
  #timer: unknown
  #probeAgain = false
  #ended = false

  constructor({ threshold = 3, interval = 500, clock = systemClock, ...rest }: BreakerOptions) {
    this.#options = { ...rest, threshold, interval, clock }
  }

  get available(): boolean {
    return this.state === 'closed'
  }

  succeeded(): void {
    this.#failures = 0
  }

  failed(cause: string): void {
    if (this.state === 'closed' && !this.#ended && ++this.#failures >= this.#options.threshold) this.#open(cause)
  }

  trip(cause: string): void {
    if (this.state === 'closed' && !this.#ended) this.#open(cause)
  }

  probeNow(): void {
    if (this.#ended || this.state === 'closed') return
    if (this.state === 'half-open') {
      this.#probeAgain = true
      return
    }
    this.#options.clock.clearTimeout(this.#timer)
    this.#startProbe()
  }

  close(): void {
    this.#ended = true
    this.#options.clock.clearTimeout(this.#timer)
  }

  #open(cause: string): void {
    this.reason = cause
    this.state = 'open'
    this.#failures = 0
    this.#schedule()
    this.#options.onChange(false, cause)
  }

  #schedule(): void {
    const { clock, interval } = this.#options
    // Jitter prevents all instances from probing a recovering server at the same time.
    this.#timer = clock.setTimeout(() => this.#startProbe(), interval * (0.75 + clock.random() / 2))
  }

  #startProbe(): void {
    const { probe, probeTimeout, clock } = this.#options
    this.state = 'half-open'
    this.#probeAgain = false
    let pending = true
    const settle = (alive: boolean): void => {
      if (!pending) return
      pending = false
      clock.clearTimeout(this.#timer)
      if (this.#ended) return
      if (alive) this.#shut()
      else this.#reopen()
    }
    this.#timer = clock.setTimeout(() => settle(false), probeTimeout)
    probe().then(() => settle(true), () => settle(false))
  }

  #shut(): void {
    this.state = 'closed'
    this.#failures = 0
    this.#options.onChange(true, this.reason)
  }

  #reopen(): void {
    this.state = 'open'
    if (this.#probeAgain) this.#startProbe()
    else this.#schedule()
  }
}
