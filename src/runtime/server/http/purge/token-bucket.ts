/** Limits calls to an average rate, and allows a burst after an idle time. */
export interface TokenBucket {
  /** Takes one token and returns 0. If there is no token, returns the milliseconds until the next attempt. */
  take: () => number
}

/**
 * Creates a full bucket.
 *
 * @param rate tokens per second
 * @param burst capacity in tokens
 * @param now milliseconds of a monotonic clock
 */
export function createTokenBucket(rate: number, burst: number, now: () => number = () => performance.now()): TokenBucket {
  let tokens = burst
  let at = now()
  return {
    take() {
      const moment = now()
      tokens = Math.min(burst, tokens + (moment - at) / 1000 * rate)
      at = moment
      if (tokens >= 1) {
        tokens--
        return 0
      }
      return Math.ceil((1 - tokens) / rate * 1000)
    },
  }
}
