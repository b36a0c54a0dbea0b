import type { ReplicaSets } from './replica-sets'
import type { LeaseScope } from './lease-scope'
import { isSafeMethod, isSticky } from './sticky'
import type { DatabaseRole, DatabaseSpec } from './types'

/** Replicas, and the key for the read-your-writes cookie. */
export interface Copies {
  replicas: ReplicaSets
  /** HMAC key of the read-your-writes cookie. Undefined if `scale.secret` is not set; then no replica is used. */
  key: Buffer | undefined
}

/**
 * Selects the copy of a database for a call: a replica if `role` allows it, one is reachable, and the user has not just written.
 * Otherwise it selects the primary. A request that may write and gets the primary counts as a write.
 */
export function copyFor(
  primary: DatabaseSpec, role: DatabaseRole | 'auto', scope: LeaseScope | undefined, { replicas, key }: Copies,
): DatabaseSpec {
  const set = replicas.of(primary)
  if (!set) return primary
  const { request, user } = scope ?? {}
  const mayWrite = request !== undefined && !isSafeMethod(request.method)
  if (role === 'writer' || (role === 'auto' && (request === undefined || mayWrite))) {
    if (mayWrite) user?.noteWrite()
    return primary
  }
  if (user?.wrote || (key && isSticky(user?.cookie, key, Date.now()))) return primary
  return set.pick() ?? primary
}
