/** The two clocks of the cache. They are injected, so that a test can control them. */
export interface Clock {
  /** Returns monotonic milliseconds of this process, for waiting, back-off and liveness. */
  now: () => number
  /** Returns milliseconds since 1970, for expiry times that processes share. */
  wall: () => number
}

export const systemClock: Clock = {
  // A bound function takes a third less time than a call through the object. This call is the slowest part of an L1 hit.
  now: performance.now.bind(performance),
  wall: Date.now,
}
