/** A histogram with fixed upper bounds. */
export interface Histogram {
  bounds: readonly number[]
  /** Number of values up to each bound, and above the last one. Not cumulative. */
  counts: number[]
  count: number
  sum: number
}

/** Creates an empty histogram. @param bounds upper bounds in ascending order */
export function createHistogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: Array.from({ length: bounds.length + 1 }, () => 0), count: 0, sum: 0 }
}

/** Adds a value. */
export function addValue(histogram: Histogram, value: number): void {
  const at = histogram.bounds.findIndex(bound => value <= bound)
  histogram.counts[at < 0 ? histogram.bounds.length : at]!++
  histogram.count++
  histogram.sum += value
}

/**
 * Estimates a quantile by interpolation within its bucket. Above the last bound, the estimate is this bound.
 *
 * @param quantile a number from 0 to 1
 * @returns undefined if the histogram is empty
 */
export function quantileOf({ bounds, counts, count }: Histogram, quantile: number): number | undefined {
  if (count === 0) return undefined
  const wanted = quantile * count
  let below = 0
  for (const [at, bound] of bounds.entries()) {
    const inside = counts[at]!
    if (below + inside >= wanted && inside > 0) {
      const from = at === 0 ? 0 : bounds[at - 1]!
      return from + (bound - from) * (wanted - below) / inside
    }
    below += inside
  }
  return bounds.at(-1)
}
