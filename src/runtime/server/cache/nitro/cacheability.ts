import { parseCacheControl, secondsOf } from '../../request/cache-control'
import type { SharedLifetime } from '../../request/shared-lifetime'

/** Response headers by lower-case name. */
export type ResponseHeaders = Record<string, string | string[]>

const PERSONAL = /(?:^|[\s,])(?:private|no-store|no-cache)(?:$|[\s,=])/i

/** Names in `Vary` that do not affect this cache: responses are compressed after it. */
const ignoredInVary = new Set(['', 'accept-encoding'])

/** Whether this header makes a response personal. The load can then stop sharing it before the body is complete. */
export function isPersonalHeader(name: string, value: string | string[]): boolean {
  if (name === 'set-cookie') return true
  return name === 'cache-control' && PERSONAL.test(String(value))
}

/** How long a response may be stored according to its own headers. Seconds; `Infinity` if the headers set no limit. */
export interface StorageLimits {
  /** How long the response is fresh from now on. Above 0. */
  fresh: number
  /** How long after that the old response may be served while it is reloaded. */
  stale: number
}

/** Statuses that may be stored without an explicit lifetime: those of RFC 9110 §15.1 below 400 that have a body, except 206 and 300. */
const STORED_WITHOUT_LIFETIME: ReadonlySet<number> = new Set([200, 203, 301, 308])
/** 206 is only part of a body; 304 has no body and confirms the copy of another cache. */
const NEVER_STORED: ReadonlySet<number> = new Set([206, 304])

/**
 * Returns whether and how long a response may be stored (RFC 9111 §3, §4.2). The conditions are: the status is below 400,
 * the response is not personal, its `Vary` names only headers of `varies`, and its lifetime has not ended.
 * Some statuses need no lifetime.
 *
 * @param varies lower-case names
 * @param route lifetime of the cached route, if `Cache-Control` is the default of the route and was not set by the handler
 * @param now milliseconds since 1970
 * @returns undefined when the response must not be stored
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

/** Returns the freshness lifetime of a response for a shared cache (RFC 9111 §4.2.1), in seconds. */
function lifetimeOf(directives: ReadonlyMap<string, string>, headers: ResponseHeaders, now: number): number | undefined {
  const named = directives.get('s-maxage') ?? directives.get('max-age')
  if (named !== undefined) return secondsOf(named)
  if (headers.expires === undefined) return undefined
  const date = Date.parse(String(headers.date ?? ''))
  return (Date.parse(String(headers.expires)) - (Number.isNaN(date) ? now : date)) / 1000 || 0
}

/**
 * Returns how long a stale copy may be served (RFC 9111 §4.2.4, RFC 5861 §3), in seconds.
 * `s-maxage` without `stale-while-revalidate` forbids it, too (RFC 9111 §5.2.2.10).
 */
function staleOf(directives: ReadonlyMap<string, string>): number {
  if (directives.has('must-revalidate') || directives.has('proxy-revalidate')) return 0
  const named = directives.get('stale-while-revalidate')
  if (named !== undefined) return secondsOf(named)
  return directives.has('s-maxage') ? 0 : Infinity
}

/** Merges the `Vary` headers that were set and `varies`. Returns undefined when the result is empty. */
export function mergeVary(set: readonly unknown[], varies: readonly string[]): string | undefined {
  const given = set.filter(vary => vary !== undefined).join(',')
  const names = new Set([...listOf(given), ...varies].filter(Boolean))
  return names.size > 0 ? [...names].join(', ') : undefined
}

function listOf(header: string | string[] | undefined): string[] {
  return header === undefined ? [] : String(header).split(',').map(name => name.trim().toLowerCase())
}
