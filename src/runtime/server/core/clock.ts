/** The time, the timers and the random numbers of a process. They are injected, so that tests can control them. */
export interface Clock {
  /** Returns monotonic milliseconds of this process, for waiting, back-off and liveness. */
  now: () => number
  /** Returns milliseconds since 1970, for expiry times that processes share. */
  wall: () => number
  setTimeout: (callback: () => void, milliseconds: number) => unknown
  clearTimeout: (timer: unknown) => void
  /** Calls back after the data that has arrived at the sockets was read. */
  setImmediate: (callback: () => void) => unknown
  /** Returns a number from 0 (inclusive) to 1 (exclusive). */
  random: () => number
}

/** The part of a clock that measures time. */
export type Times = Pick<Clock, 'now' | 'wall'>
/** The part of a clock that waits. */
export type Timers = Pick<Clock, 'now' | 'setTimeout' | 'clearTimeout'>

/** The clock of Node. */
export const systemClock: Clock = {
  // A bound function takes a third less time than a call through the object. This call is the slowest part of an L1 hit.
  now: performance.now.bind(performance),
  wall: Date.now,
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
  setImmediate: callback => setImmediate(callback),
  random: Math.random,
}

/** The clock of Node, with timers that do not keep a finished process alive. */
export const idleClock: Clock = { ...systemClock, setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds).unref() }
