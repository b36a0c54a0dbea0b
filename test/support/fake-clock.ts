/** A clock that stands still until it is told to go on. */
export interface FakeClock {
  now: () => number
  setTimeout: (callback: () => void, milliseconds: number) => unknown
  clearTimeout: (timer: unknown) => void
  /** Runs what is due within the next `milliseconds`, in order, and lets promises settle in between. */
  advance: (milliseconds: number) => Promise<void>
  /** Timers that wait. */
  readonly pending: number
}

/** Lets every promise that can settle do so. */
export function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** Creates a clock at 0. */
export function createFakeClock(): FakeClock {
  let time = 0
  const timers = new Set<{ at: number, callback: () => void }>()
  return {
    now: () => time,
    setTimeout: (callback, milliseconds) => {
      const timer = { at: time + milliseconds, callback }
      timers.add(timer)
      return timer
    },
    clearTimeout: timer => timers.delete(timer as never),
    advance: async (milliseconds) => {
      const end = time + milliseconds
      await settle()
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)
        if (!next) break
        time = Math.max(time, next.at)
        timers.delete(next)
        next.callback()
        await settle()
      }
      time = end
    },
    get pending() {
      return timers.size
    },
  }
}
