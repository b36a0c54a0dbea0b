/** How late the timers of this process were in the last seconds, in milliseconds. */
export interface EventLoopLag {
  mean: number
  max: number
}

export interface EventLoopLagWatch {
  read: () => EventLoopLag
  stop: () => void
}

/** Milliseconds between two looks: ten a second cost nothing. */
const INTERVAL = 100
/** Looks that are remembered: ten seconds of them. */
const MOST = 100

/** Watches how long work waits for the event loop: a process that computes without a pause answers nobody, whatever its dependencies say. */
export function watchEventLoopLag(): EventLoopLagWatch {
  const lags: number[] = []
  let due = performance.now() + INTERVAL
  const timer = setInterval(() => {
    const now = performance.now()
    lags.push(Math.max(0, now - due))
    if (lags.length > MOST) lags.shift()
    due = now + INTERVAL
  }, INTERVAL).unref()
  return {
    read() {
      // What is late right now counts too: after a long pause, a probe may be answered before the timer runs.
      const all = [...lags, Math.max(0, performance.now() - due)]
      return { mean: round(all.reduce((sum, lag) => sum + lag, 0) / all.length), max: round(Math.max(...all)) }
    },
    stop: () => clearInterval(timer),
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10
}
