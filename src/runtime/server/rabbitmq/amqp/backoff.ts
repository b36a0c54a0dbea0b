import type { Clock } from '../../core/clock'

/** Computes the pauses between retries. */
export interface Backoff {
  /** Counts a failure and returns the milliseconds until the next try. */
  next: () => number
  /** Starts again with the first pause, after a success that has lasted. */
  reset: () => void
}

/** Options of {@link createBackoff}. */
export interface BackoffOptions {
  /** Upper bound of the first pause, in milliseconds. The bound doubles with each step. */
  base: number
  /** Upper bound of all pauses, in milliseconds. */
  cap: number
  /** Number of tries before the bound doubles. With one try per host, all hosts are tried soon. @default 1 */
  triesPerStep?: number
  clock: Pick<Clock, 'random'>
}

/**
 * Creates an exponential backoff with full jitter: instances that lost the broker at the same moment reconnect spread over the
 * whole pause.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function createBackoff({ base, cap, triesPerStep = 1, clock }: BackoffOptions): Backoff {
  let failures = 0
  return {
    next() {
      const step = Math.min(Math.floor(failures++ / triesPerStep), 30)
      return clock.random() * Math.min(cap, base * 2 ** step)
    },
    reset() {
      failures = 0
    },
  }
}
