import type { Policy } from './policy'

/** The lifetime of a value that is stored now. */
export interface Life {
  /** How long the value is fresh, in ms. */
  fresh: number
  /** When Redis deletes the value, in ms after the write. */
  horizon: number
}

/** Returns the lifetime of a value by its policy, with the jitter of its ttl. */
export function lifeOf(policy: Policy, random: () => number = Math.random): Life {
  const fresh = Math.max(1, Math.round(policy.ttl * (1 + policy.jitter * (2 * random() - 1))))
  return { fresh, horizon: fresh + Math.max(policy.staleTtl, policy.staleIfError) }
}

/** Applies the limits that the loader set to a lifetime. */
export function shortened({ fresh, horizon }: Life, limits: { fresh: number, stale: number }): Life {
  const shorter = Math.max(1, Math.min(fresh, Math.round(limits.fresh)))
  return { fresh: shorter, horizon: shorter + Math.min(horizon - fresh, Math.round(limits.stale)) }
}

/**
 * Whether to refresh a value before its ttl ends. The decision is random: the probability grows towards the end of the ttl, and earlier
 * for slow loads. Each process decides independently.
 *
 * @see XFetch: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015
 * @param left ms until the end of the ttl
 * @param cost ms that the last load took
 */
export function refreshEarly(
  policy: Pick<Policy, 'earlyRefresh'>, left: number, cost: number, random: () => number = Math.random,
): boolean {
  return policy.earlyRefresh > 0 && -cost * policy.earlyRefresh * Math.log(1 - random()) >= left
}
