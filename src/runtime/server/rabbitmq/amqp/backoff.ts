import type { BrokerClock } from './clock'

/** How long to wait before the next try. */
export interface Backoff {
  /** Milliseconds until the next try, after one more failure. */
  next: () => number
  /** It worked, and has for a while: the next failure is the first again. */
  reset: () => void
}

/** What a back-off is made of. */
export interface BackoffOptions {
  /** Milliseconds that the first pause is shorter than; each further one may be twice as long. */
  base: number
  /** Milliseconds that no pause is longer than. */
  cap: number
  /** How many tries go by before the pause doubles: one for each host, so that all of them are tried soon. @default 1 */
  triesPerStep?: number
  clock: Pick<BrokerClock, 'random'>
}

/** Exponential with full jitter: a fleet that lost its broker in one moment comes back spread over the whole pause. */
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
