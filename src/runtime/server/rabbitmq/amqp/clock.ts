/** The time and the dice as the broker sees them, so that its tests own both. */
export interface BrokerClock {
  /** Monotonic milliseconds. */
  now: () => number
  setTimeout: (callback: () => void, milliseconds: number) => unknown
  clearTimeout: (timer: unknown) => void
  /** From 0 up to, not including, 1. */
  random: () => number
}

export const systemClock: BrokerClock = {
  now: performance.now.bind(performance),
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
  random: Math.random,
}
