/** Matches one directive: a name, and a value that is a token or a quoted string (RFC 9111 §5.2, RFC 9110 §5.6). */
const DIRECTIVE = /([^\s,;="]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;]*)))?/g

/**
 * Parses a `Cache-Control` header into directives by lower-case name. A directive without a value has `''`.
 * If a directive appears twice, the first one counts (RFC 9111 §4.2.1).
 */
export function parseCacheControl(header: string | readonly string[] | undefined): ReadonlyMap<string, string> {
  const directives = new Map<string, string>()
  for (const [, name, quoted, token = ''] of String(header ?? '').matchAll(DIRECTIVE)) {
    const key = name!.toLowerCase()
    if (!directives.has(key)) directives.set(key, quoted ?? token)
  }
  return directives
}

/** Parses the seconds of a directive or a header. It returns 0 for an invalid value, so that such a response is not cached. */
export function secondsOf(value: string): number {
  return /^\d+$/.test(value) ? Number(value) : 0
}

/**
 * Response headers for shared caches only: how long they may store a response, and the tags by which it is purged.
 * They are removed from a response that must not be shared, because some of them override `Cache-Control`.
 */
export const SHARED_CACHE_HEADERS: readonly string[] = [
  'cdn-cache-control', 'x-accel-expires', 'cloudflare-cdn-cache-control', 'surrogate-control',
  'netlify-cdn-cache-control', 'vercel-cdn-cache-control',
  'surrogate-key', 'cache-tag', 'netlify-cache-tag', 'vercel-cache-tag',
]
