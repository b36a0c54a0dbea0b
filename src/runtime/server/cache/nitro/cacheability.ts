import { parseCacheControl, secondsOf } from '../../cache-control'
import type { SharedLifetime } from '../../shared-lifetime'

/** Response headers by lower-case name. */
export type ResponseHeaders = Record<string, string | string[]>

const PERSONAL = /(?:^|[\s,])(?:private|no-store|no-cache)(?:$|[\s,=])/i

/** Headers of `Vary` that do not concern this cache: compression happens behind it. */
const ignoredInVary = new Set(['', 'accept-encoding'])

/** Whether this one header makes a response personal, so that the load can say so before the body is there. */
export function isPersonalHeader(name: string, value: string | string[]): boolean {
  if (name === 'set-cookie') return true
  return name === 'cache-control' && PERSONAL.test(String(value))
}

/** How long a response may be kept, by what it says itself. Seconds; `Infinity` where it says nothing. */
export interface StorageLimits {
  /** How long it is fresh from now on; above 0. */
  fresh: number
  /** How long after that it may be served while a new one is made. */
  stale: number
}

/** Statuses that may be stored without a lifetime of their own: those of RFC 9110 §15.1 below 400 that have a body, but 206 and 300. */
const STORED_WITHOUT_LIFETIME: ReadonlySet<number> = new Set([200, 203, 301, 308])
/** A part of a body, and a status without one that only confirms what another cache has. */
const NEVER_STORED: ReadonlySet<number> = new Set([206, 304])

/**
 * Whether and how long a response may be stored (RFC 9111 §3, §4.2): below 400, not personal, varying on nothing but `varies`,
 * and with a lifetime that is not over, or with a status that needs none.
 *
 * @param varies lower-case names
 * @param route lifetime of the cached route that made the response, where `Cache-Control` is its default and no word of the handler
 * @param now milliseconds since 1970
 * @returns undefined when the response may not be stored
 */
export function storageLimitsOf(
  status: number, headers: ResponseHeaders, varies: readonly string[], route?: SharedLifetime, now = Date.now(),
): StorageLimits | undefined {
  if (status >= 400 || NEVER_STORED.has(status)) return undefined
  if (Object.entries(headers).some(([name, value]) => isPersonalHeader(name, value))) return undefined
  if (!listOf(headers.vary).every(name => ignoredInVary.has(name) || varies.includes(name))) return undefined
  const directives = parseCacheControl(headers['cache-control'])
  const lifetime = lifetimeOf(directives, headers, now)
  if (lifetime === undefined && !directives.has('public') && !STORED_WITHOUT_LIFETIME.has(status)) return undefined
  const fresh = (lifetime ?? Infinity) - secondsOf(String(headers.age ?? ''))
  return fresh > 0 ? { fresh, stale: route?.stale ?? staleOf(directives) } : undefined
}

/** The freshness lifetime that a response names for a shared cache (RFC 9111 §4.2.1). */
function lifetimeOf(directives: ReadonlyMap<string, string>, headers: ResponseHeaders, now: number): number | undefined {
  const named = directives.get('s-maxage') ?? directives.get('max-age')
  if (named !== undefined) return secondsOf(named)
  if (headers.expires === undefined) return undefined
  const date = Date.parse(String(headers.date ?? ''))
  return (Date.parse(String(headers.expires)) - (Number.isNaN(date) ? now : date)) / 1000 || 0
}

/** How long an old copy may be served (RFC 9111 §4.2.4, RFC 5861 §3). `s-maxage` alone forbids it too (RFC 9111 §5.2.2.10). */
function staleOf(directives: ReadonlyMap<string, string>): number {
  if (directives.has('must-revalidate') || directives.has('proxy-revalidate')) return 0
  const named = directives.get('stale-while-revalidate')
  if (named !== undefined) return secondsOf(named)
  return directives.has('s-maxage') ? 0 : Infinity
}

/** One `Vary` out of those that were set, and `varies`. Undefined when that is nothing. */
export function mergeVary(set: readonly unknown[], varies: readonly string[]): string | undefined {
  const given = set.filter(vary => vary !== undefined).join(',')
  const names = new Set([...listOf(given), ...varies].filter(Boolean))
  return names.size > 0 ? [...names].join(', ') : undefined
}

function listOf(header: string | string[] | undefined): string[] {
  return header === undefined ? [] : String(header).split(',').map(name => name.trim().toLowerCase())
}
