/**
 * The decision of `limit_req burst=… nodelay`, written as in nginx's own module: what is in excess drains at the rate,
 * and a request that would raise it above the burst is turned away. The excess is counted in microseconds that it takes to drain, which
 * are whole as nginx's thousandths of a request are: with fractions of a request, rounding would decide at the edge.
 *
 * @param interval microseconds between two requests at the rate
 * @returns a function that judges a request at a moment
 */
export function createNginxLimit(interval: number, burst: number): (now: number) => boolean {
  let excess: number | undefined
  let last = 0
  return (now) => {
    if (excess === undefined) {
      excess = 0
      last = now
      return true
    }
    const raised = Math.max(0, excess - (now - last) + interval)
    if (raised > burst * interval) return false
    excess = raised
    last = now
    return true
  }
}
