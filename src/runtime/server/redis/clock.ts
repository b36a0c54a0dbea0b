/** The clock, timers and random source of a connection. Tests replace them. */
export interface RedisClock {
  /** Monotonic milliseconds of this process. */
  now: () => number
  setTimeout: (callback: () => void, milliseconds: number) => unknown
  clearTimeout: (timer: unknown) => void
  /** Calls back after the data that has arrived at the sockets was read. */
  setImmediate: (callback: () => void) => unknown
  /** A number from 0 (inclusive) to 1 (exclusive). */
  random: () => number
}

export const processClock: RedisClock = {
  now: () => performance.now(),
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
  setImmediate: callback => setImmediate(callback),
  random: () => Math.random(),
}
