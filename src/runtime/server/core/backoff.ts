import type { Clock } from './clock'

/** After this many doublings the bound of any pause is reached, and the numbers stay finite. */
const MOST_DOUBLINGS = 30

/** Bounds of the pauses, in milliseconds. */
export interface DelayBounds {
  /** The first pause. */
  first: number
  /** The longest pause. */
  longest: number
}

/**
 * Returns the pause before a retry: it doubles with each step, up to a limit.
 *
 * @param step number of failures before this one, from 0
 * @returns milliseconds
 */
export function exponentialDelay(step: number, { first, longest }: DelayBounds): number {
  return Math.min(longest, first * 2 ** Math.min(step, MOST_DOUBLINGS))
}

/** Computes the pauses between retries. */
export interface Backoff {
  /** Counts a failure and returns the milliseconds until the next try. */
  next: () => number
  /** Starts again with the first pause, after a success that has lasted. */
  reset: () => void
}

/** Options of {@link createBackoff}. */
export interface BackoffOptions extends DelayBounds {
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
export function createBackoff({ first, longest, triesPerStep = 1, clock }: BackoffOptions): Backoff {
  let failures = 0
  return {
    next() {
      return clock.random() * exponentialDelay(Math.floor(failures++ / triesPerStep), { first, longest })
    },
    reset() {
      failures = 0
    },
  }
}
