/** The time as the registry sees it, so that its tests own it. */
export interface DatabaseClock {
  /** Monotonic milliseconds. */
  now: () => number
  setTimeout: (callback: () => void, milliseconds: number) => unknown
  clearTimeout: (timer: unknown) => void
}

export const systemClock: DatabaseClock = {
  now: () => performance.now(),
  // Unreferenced: an idle client must not keep a process alive that is done.
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds).unref(),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}
