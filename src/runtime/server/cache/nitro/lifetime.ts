import type { SharedLifetime } from '../../request/shared-lifetime'
import type { LifetimeOptions } from './types'

/** The lifetime of a value, in seconds. */
export type Lifetime = SharedLifetime

/** Nitro's default for `maxAge`, in seconds. */
const DEFAULT_MAX_AGE = 1

/**
 * Converts `maxAge`, `swr` and `staleMaxAge` to a lifetime for the engine. In Nitro 2 an entry never expires under `swr`.
 * Here every entry expires: after `staleMaxAge`, or after `horizon` if the option sets no limit.
 *
 * @param horizon `scale.cache.staleMaxAge` in seconds
 * @returns undefined when nothing must be cached (`maxAge: 0`)
 */
export function resolveLifetime(options: LifetimeOptions, horizon: number): Lifetime | undefined {
  const fresh = options.maxAge ?? DEFAULT_MAX_AGE
  if (!(fresh > 0)) return undefined
  if (options.swr === false) return { fresh: limit(fresh), stale: 0 }
  const given = options.staleMaxAge
  const stale = given === undefined || given < 0 || !Number.isFinite(given) ? horizon : given
  return { fresh: limit(fresh), stale }
}

/** Limits `maxAge` to ten years, so that every entry expires. */
function limit(seconds: number): number {
  return Math.min(seconds, 315_360_000)
}
