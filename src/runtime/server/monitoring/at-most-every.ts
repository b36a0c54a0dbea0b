/**
 * Creates a function that runs a task at most once per interval, and skips it otherwise. Input of clients can then not fill the log.
 *
 * @param interval milliseconds
 */
export function atMostEvery(interval: number, now: () => number = () => performance.now()): (task: () => void) => void {
  let last = -Infinity
  return (task) => {
    const moment = now()
    if (moment - last < interval) return
    last = moment
    task()
  }
}
