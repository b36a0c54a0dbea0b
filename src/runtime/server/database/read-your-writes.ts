import type { ReplicaSets } from './replica-sets'
import type { LeaseScope } from './lease-scope'
import type { DatabaseRole, DatabaseSpec } from './types'
import { createHmac, timingSafeEqual } from 'node:crypto'

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

/** Milliseconds after a write during which its user reads from the primary. Replicas usually lag by less. */
const STICKY = 2000
const COOKIE = 'scale-primary'
/** Largest tolerated difference between the clocks of instances, in milliseconds. */
const SKEW = 1000

/** Whether requests with this method only read. */
export function isSafeMethod(method: string | undefined): boolean {
  return method === undefined || ['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(method.toUpperCase())
}

/**
 * Creates the `Set-Cookie` value that sends a user's reads to the primary for {@link STICKY}.
 * It is signed, so that clients cannot send all their reads to the primary.
 */
export function stickyCookie(key: Buffer, now: number, secure: boolean): string {
  const until = String(now + STICKY)
  return `${COOKIE}=${until}.${sign(until, key)}; Max-Age=${STICKY / 1000}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
}

/** Whether this `Cookie` header proves a write of its user within {@link STICKY}. */
export function isSticky(header: string | undefined, key: Buffer, now: number): boolean {
  const [, until = '', signature = ''] = new RegExp(`(?:^|;\\s*)${COOKIE}=(\\d{1,15})\\.([\\w-]{43})(?:;|$)`).exec(header ?? '') ?? []
  const left = Number(until) - now
  if (signature === '' || left <= 0 || left > STICKY + SKEW) return false
  return timingSafeEqual(Buffer.from(signature), Buffer.from(sign(until, key)))
}

function sign(until: string, key: Buffer): string {
  return createHmac('sha256', key).update(`${COOKIE}:${until}`).digest('base64url')
}
