/**
 * The generic cell rate algorithm (ITU-T I.371), in whole microseconds. One number a key is remembered: the theoretical arrival time,
 * at which the bucket would be empty again. Equal to `limit_req rate burst nodelay` of nginx: 1 + burst pass at once, then one each interval.
 */
export interface Bucket {
  /** Microseconds that one request takes up, rounded up, so that never more than the limit passes. */
  interval: number
  /** Microseconds that the bucket holds: interval × (1 + burst). */
  capacity: number
}

/** What became of one request. */
export interface Verdict {
  allowed: boolean
  /** Microseconds until the bucket is empty. */
  fill: number
}

/**
 * @param limit requests
 * @param window microseconds in which they may come
 * @param burst requests that may come ahead of their time
 */
export function bucketOf(limit: number, window: number, burst: number): Bucket {
  const interval = Math.ceil(window / limit)
  return { interval, capacity: interval * (1 + burst) }
}

/**
 * Judges one request.
 *
 * @param arrival theoretical arrival time that is remembered of the key; 0 for none
 * @param now microseconds by the same clock
 * @returns the verdict, and the arrival time to remember: unchanged when the request is denied
 */
export function judge({ interval, capacity }: Bucket, arrival: number, now: number, cost: number): Verdict & { arrival: number } {
  // A clock that was set back must not lock anybody out for longer than a full bucket does.
  const start = Math.min(Math.max(arrival, now), now + capacity)
  const next = start + cost * interval
  const allowed = next - now <= capacity
  return allowed ? { allowed, fill: next - now, arrival: next } : { allowed, fill: start - now, arrival: start }
}

/** Requests of cost 1 that would pass now. */
export function remainingOf({ interval, capacity }: Bucket, fill: number): number {
  return Math.max(0, Math.floor((capacity - fill) / interval))
}

/** Microseconds until a request of this cost would pass, 0 when it would now. */
export function waitOf({ interval, capacity }: Bucket, fill: number, cost: number): number {
  return Math.max(0, fill + cost * interval - capacity)
}

/**
 * What one of several processes allows that cannot ask each other. A request that costs more than its share holds still passes
 * when the bucket is empty, else it never would.
 *
 * @param share from 0 to 1: a quarter for one of four
 */
export function shareOf({ interval, capacity }: Bucket, share: number, cost: number): Bucket {
  if (share === 1) return { interval, capacity }
  const slower = Math.ceil(interval / share)
  return { interval: slower, capacity: slower * Math.max(cost, Math.floor(capacity / interval * share)) }
}
