import type { ReplicaSets } from './replica-sets'
import type { LeaseScope } from './scope'
import { isSafeMethod, isSticky } from './sticky'
import type { DatabaseRole, DatabaseSpec } from './types'

/** What chooses a copy. */
export interface Copies {
  replicas: ReplicaSets
  /** Signs who has written; undefined when there is no secret, and then no replica is used. */
  key: Buffer | undefined
}

/**
 * The copy of a database that a call gets: a replica where one is wanted, works, and its user has not just written; else the primary.
 * A request that may write and gets the primary counts as one that wrote.
 */
export function copyFor(primary: DatabaseSpec, role: DatabaseRole | 'auto', scope: LeaseScope | undefined, { replicas, key }: Copies): DatabaseSpec {
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
