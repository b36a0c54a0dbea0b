import { LONGEST_TIMER } from '../../deadline'
import type { BrokerClock } from './clock'

/** One timer for the deadlines of everything that is held, however much it is. */
export interface Deadlines {
  /** Makes sure that somebody looks at this moment. */
  watch: (deadline: number) => void
  stop: () => void
}

/** Milliseconds between two looks at least: many deadlines that lie close together are one look. */
const GRAIN = 20

/**
 * @param look called when the earliest deadline may have passed; ends what is over and returns the earliest of the others, or Infinity
 */
export function createDeadlines(look: (now: number) => number, clock: BrokerClock): Deadlines {
  let timer: unknown
  let due = Number.POSITIVE_INFINITY

  function arm(deadline: number): void {
    clock.clearTimeout(timer)
    due = deadline
    timer = clock.setTimeout(() => {
      due = Number.POSITIVE_INFINITY
      const next = look(clock.now())
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
