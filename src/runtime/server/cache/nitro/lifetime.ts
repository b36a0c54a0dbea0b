import type { SharedLifetime } from '../../shared-lifetime'
import type { LifetimeOptions } from './types'

/** How long a value lives, in seconds. */
export type Lifetime = SharedLifetime

/** Nitro's default for `maxAge`, in seconds. */
const DEFAULT_MAX_AGE = 1

/**
 * What `maxAge`, `swr` and `staleMaxAge` mean for the engine. Nitro 2 gives entries no end under `swr`;
 * here every entry has one: `staleMaxAge`, or `horizon` where the option names no end.
 *
 * @param horizon `scale.cache.staleMaxAge` in seconds
 * @returns undefined when nothing is to be cached (`maxAge: 0`)
 */
export function resolveLifetime(options: LifetimeOptions, horizon: number): Lifetime | undefined {
  const fresh = options.maxAge ?? DEFAULT_MAX_AGE
  if (!(fresh > 0)) return undefined
  if (options.swr === false) return { fresh: limit(fresh), stale: 0 }
  const given = options.staleMaxAge
  const stale = given === undefined || given < 0 || !Number.isFinite(given) ? horizon : given
  return { fresh: limit(fresh), stale }
}

/** A `maxAge` of Infinity becomes ten years, so that every entry has an end. */
function limit(seconds: number): number {
  return Math.min(seconds, 315_360_000)
}
