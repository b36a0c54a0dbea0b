/**
 * The parameters of one limit in the generic cell rate algorithm, in whole microseconds.
 *
 * The algorithm stores one number per key: the theoretical arrival time, at which the bucket would be empty again.
 * It behaves like `limit_req rate burst nodelay` of nginx: 1 + burst requests pass at once, then one per interval.
 *
 * @see ITU-T I.371
 */
export interface Bucket {
  /** Microseconds that one request adds to the bucket. It is rounded up, so that the limit is never exceeded. */
  interval: number
  /** Capacity in microseconds: interval × (1 + burst). */
  capacity: number
}

/** The decision about one request. */
export interface Decision {
  allowed: boolean
  /** Microseconds until the bucket is empty. */
  fill: number
}

/**
 * Computes the bucket of a limit.
 *
 * @param limit number of requests per window
 * @param window length of the window in microseconds
 * @param burst number of requests that may pass early
 */
export function bucketOf(limit: number, window: number, burst: number): Bucket {
  const interval = Math.ceil(window / limit)
  return { interval, capacity: interval * (1 + burst) }
}

/**
 * Decides about one request.
 *
 * @param arrival stored theoretical arrival time of the key; 0 if there is none
 * @param now microseconds of the same clock
 * @returns the decision, and the arrival time to store, which is unchanged if the request is denied
 */
export function decide({ interval, capacity }: Bucket, arrival: number, now: number, cost: number): Decision & { arrival: number } {
  // If the clock was set back, no key may be denied for longer than with a full bucket.
  const start = Math.min(Math.max(arrival, now), now + capacity)
  const next = start + cost * interval
  const allowed = next - now <= capacity
  return allowed ? { allowed, fill: next - now, arrival: next } : { allowed, fill: start - now, arrival: start }
}

/** Returns how many requests of cost 1 would pass now. */
export function remainingOf({ interval, capacity }: Bucket, fill: number): number {
  return Math.max(0, Math.floor((capacity - fill) / interval))
}

/** Returns the microseconds until a request of this cost would pass; 0 if it would pass now. */
export function waitOf({ interval, capacity }: Bucket, fill: number, cost: number): number {
  return Math.max(0, fill + cost * interval - capacity)
}

/**
 * Returns the bucket of one process when several processes share a limit but cannot reach the shared store.
 * A request that costs more than the capacity of this share passes if the bucket is empty. Otherwise it would never pass.
 *
 * @param share a number from 0 to 1, such as 0.25 for one of four processes
 */
export function shareOf({ interval, capacity }: Bucket, share: number, cost: number): Bucket {
  if (share === 1) return { interval, capacity }
  const slower = Math.ceil(interval / share)
  return { interval: slower, capacity: slower * Math.max(cost, Math.floor(capacity / interval * share)) }
}

/** Limits the calls of one process to an average rate, and allows a burst after an idle time. */
export interface Throttle {
  /** Returns 0 if a call may start now, and counts it. Otherwise returns the milliseconds until the next attempt. */
  take: () => number
}

/**
 * Creates a throttle, which begins idle.
 *
 * @param rate calls per second
 * @param burst number of calls that may start at once after an idle time, at least 1
 * @param now milliseconds of a monotonic clock
 */
export function createThrottle(rate: number, burst: number, now: () => number = () => performance.now()): Throttle {
  const bucket = bucketOf(rate, 1_000_000, burst - 1)
  let arrival = 0
  return {
    take() {
      const verdict = decide(bucket, arrival, Math.floor(now() * 1000), 1)
      arrival = verdict.arrival
      return verdict.allowed ? 0 : Math.ceil(waitOf(bucket, verdict.fill, 1) / 1000)
    },
  }
}
