/** Clock and timers of the registry, which tests replace. */
export interface DatabaseClock {
  /** Monotonic milliseconds. */
  now: () => number
  setTimeout: (callback: () => void, milliseconds: number) => unknown
  clearTimeout: (timer: unknown) => void
}

/** The clock and timers of Node. */
export const systemClock: DatabaseClock = {
  now: () => performance.now(),
  // Unreferenced, so that the timer of an idle client does not keep a finished process alive.
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds).unref(),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}
