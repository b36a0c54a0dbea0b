/** The two clocks that the cache reads. Injected, so that a test can turn them. */
export interface Clock {
  /** Monotonic milliseconds of this process: for waiting, back-off and liveness. */
  now: () => number
  /** Milliseconds since 1970: for the expiry that processes share. */
  wall: () => number
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
}
