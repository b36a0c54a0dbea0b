import { LONGEST_TIMER } from '../../core/deadline'
import type { Clock } from '../../core/clock'

/** One shared timer for the deadlines of all buffered messages. */
export interface Deadlines {
  /** Ensures that `expire` is called at this time. */
  watch: (deadline: number) => void
  stop: () => void
}

/** Minimum milliseconds between two checks, so that deadlines close together share one check. */
const GRAIN = 20

/**
 * Creates the timer.
 *
 * @param expire is called when the earliest deadline may have passed. It must end all messages whose deadline has passed, and return the
 * earliest of the other deadlines, or Infinity
 */
export function createDeadlines(expire: (now: number) => number, clock: Clock): Deadlines {
  let timer: unknown
  let due = Number.POSITIVE_INFINITY

  function arm(deadline: number): void {
    clock.clearTimeout(timer)
    due = deadline
    timer = clock.setTimeout(() => {
      due = Number.POSITIVE_INFINITY
      const next = expire(clock.now())
      if (next < due) arm(next)
    }, Math.min(LONGEST_TIMER, Math.max(GRAIN, Math.ceil(deadline - clock.now()))))
  }

  return {
    watch(deadline) {
      if (deadline < due) arm(deadline)
    },
    stop() {
      clock.clearTimeout(timer)
      due = Number.NEGATIVE_INFINITY
    },
  }
}
