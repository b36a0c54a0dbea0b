/** The two clocks that the cache reads. Injected, so that a test can turn them. */
export interface Clock {
  /** Monotonic milliseconds of this process: for waiting, back-off and liveness. */
  now: () => number
  /** Milliseconds since 1970: for the expiry that processes share. */
  wall: () => number
}

export const systemClock: Clock = {
  // Bound: a third cheaper than a call through the object, and it is the dearest part of an L1 hit.
  now: performance.now.bind(performance),
  wall: Date.now,
}
