/** How late the timers of this process fired during the last ten seconds, in milliseconds. */
export interface EventLoopLag {
  mean: number
  max: number
}

export interface EventLoopLagWatch {
  read: () => EventLoopLag
  stop: () => void
}

/** Milliseconds between two measurements. Ten per second cost almost nothing. */
const INTERVAL = 100
/** Number of measurements that are kept, for ten seconds. */
const MOST = 100

/**
 * Measures how long work waits for the event loop.
 * A process that computes without a pause answers no requests, even if all its dependencies work.
 */
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
      // Include the current delay: after a long pause, a probe may be answered before the timer fires.
      const all = [...lags, Math.max(0, performance.now() - due)]
      return { mean: round(all.reduce((sum, lag) => sum + lag, 0) / all.length), max: round(Math.max(...all)) }
    },
    stop: () => clearInterval(timer),
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10
}
