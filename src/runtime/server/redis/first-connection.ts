import type { RedisClock } from './clock'

/** The time between the creation of a client and the end of its first attempt to connect. */
export interface FirstConnection {
  /** Resolves when the first attempt has ended, one way or the other; undefined from then on. */
  readonly pending: Promise<void> | undefined
  /** The first attempt has ended. Idempotent. */
  end: () => void
}

/**
 * Starts to wait for the first connection.
 *
 * @param limit milliseconds after which `expired` is called, unless the attempt has ended before
 * @param expired has to end the wait
 */
export function awaitFirstConnection(limit: number, expired: () => void, clock: Pick<RedisClock, 'setTimeout' | 'clearTimeout'>): FirstConnection {
  let resolvePending!: () => void
  let pending: Promise<void> | undefined = new Promise<void>((resolve) => {
    resolvePending = resolve
  })
  const timer = clock.setTimeout(expired, limit)
  return {
    get pending() {
      return pending
    },
    end() {
      if (pending) {
        clock.clearTimeout(timer)
        pending = undefined
        resolvePending()
      }
    },
  }
}
