/** Lets calls through at a steady rate, and some at once after a rest. */
export interface TokenBucket {
  /** Takes one token. Returns 0, or the milliseconds after which to ask again when there is none. */
  take: () => number
}

/**
 * @param rate tokens a second
 * @param burst tokens that it holds, with which it begins
 * @param now milliseconds by a clock that never goes back
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
