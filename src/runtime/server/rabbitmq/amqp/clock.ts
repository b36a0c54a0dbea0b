/** Clock, timers and random source of the broker. Tests replace them. */
export interface BrokerClock {
  /** Monotonic milliseconds. */
  now: () => number
  setTimeout: (callback: () => void, milliseconds: number) => unknown
  clearTimeout: (timer: unknown) => void
  /** A random number from 0 (inclusive) to 1 (exclusive). */
  random: () => number
}

export const systemClock: BrokerClock = {
  now: performance.now.bind(performance),
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
  random: Math.random,
}
