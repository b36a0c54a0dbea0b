import { createHmac, timingSafeEqual } from 'node:crypto'

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
