import type { Clock } from '../core/clock'

/** The wait for the first attempt of a new client to connect. */
export interface FirstConnection {
  /** Resolves when the first attempt has succeeded or failed; undefined after that. */
  readonly pending: Promise<void> | undefined
  /** Reports that the first attempt has succeeded or failed. Idempotent. */
  end: () => void
}

/**
 * Starts to wait for the first connection.
 *
 * @param limit milliseconds after which `expired` is called, unless the attempt has succeeded or failed before
 * @param expired must call `end`
 */
export function awaitFirstConnection(
  limit: number,
  expired: () => void,
  clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>,
): FirstConnection {
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
