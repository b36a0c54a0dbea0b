/** A call with a deadline. Make one with {@link createCall}, hand it to `add`, and to `remove` once it has ended. */
export interface Call {
  /** Called once when the deadline has passed, unless the call was removed before. */
  expire: () => void
  due: number
  waiting: boolean
  previous: Call | undefined
  next: Call | undefined
}

/** Deadlines of calls that all have the same budget. */
export interface Deadlines {
  /** Starts the budget of a call. */
  add: (call: Call) => void
  /** Ends the wait for a call. No effect on one that is not waited for. */
  remove: (call: Call) => void
  /** Stops the timer. Calls still waiting never expire. */
  close: () => void
}

/** A call that is not waited for yet. */
export function createCall(expire: () => void): Call {
  return { expire, due: 0, waiting: false, previous: undefined, next: undefined }
}

/**
 * One timer for all calls of `budget` milliseconds: they expire in the order they came, so a list and a look at its
 * head are enough. A timer of its own for each call costs a tenth of the throughput of a small GET.
 * @param startTimer as `setTimeout`; called about once a budget while there are calls
 */
export function createDeadlines(
  budget: number,
  startTimer: (callback: () => void, milliseconds: number) => NodeJS.Timeout = setTimeout,
): Deadlines {
  let first: Call | undefined
  let last: Call | undefined
  let timer: NodeJS.Timeout | undefined

  function arm(milliseconds: number): void {
    // After a stall of this process the answers may lie unread in the socket: the turn lets them be read first.
    timer = startTimer(() => setImmediate(sweep), Math.max(1, Math.ceil(milliseconds)))
  }

  function sweep(): void {
    if (!timer) {
      return
    }
    timer = undefined
    const now = performance.now()
    while (first && first.due <= now) {
      const call = first
      remove(call)
      call.expire()
    }
    if (first && !timer) {
      arm(first.due - now)
    }
  }

  function remove(call: Call): void {
    if (!call.waiting) {
      return
    }
    const { previous, next } = call
    if (previous) {
      previous.next = next
    }
    else {
      first = next
    }
    if (next) {
      next.previous = previous
    }
    else {
      last = previous
    }
    call.waiting = false
    call.previous = undefined
    call.next = undefined
  }

  return {
    add(call) {
      call.due = performance.now() + budget
      call.waiting = true
      call.previous = last
      if (last) {
        last.next = call
      }
      else {
        first = call
      }
      last = call
      if (!timer) {
        arm(budget)
      }
    },
    remove,
    close() {
      clearTimeout(timer)
      timer = undefined
    },
  }
}
