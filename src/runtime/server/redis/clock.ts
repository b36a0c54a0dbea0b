/** The time and the dice that the pieces of a connection read. Injected, so that a test can turn them. */
export interface RedisClock {
  /** Monotonic milliseconds of this process. */
  now: () => number
  setTimeout: (callback: () => void, milliseconds: number) => unknown
  clearTimeout: (timer: unknown) => void
  /** Calls back after what has arrived at the sockets was read. */
  setImmediate: (callback: () => void) => unknown
  /** From 0 up to, not including, 1. */
  random: () => number
}

export const processClock: RedisClock = {
  now: () => performance.now(),
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
  setImmediate: callback => setImmediate(callback),
  random: () => Math.random(),
}
