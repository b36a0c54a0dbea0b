/** One directive: a token, and a value that is a token or a quoted string (RFC 9111 §5.2, RFC 9110 §5.6). */
const DIRECTIVE = /([^\s,;="]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;]*)))?/g

/**
 * The directives of a `Cache-Control` header by their lower-case names, with `''` where there is no value.
 * Of a directive that stands there twice the first counts (RFC 9111 §4.2.1).
 */
export function parseCacheControl(header: string | readonly string[] | undefined): ReadonlyMap<string, string> {
  const directives = new Map<string, string>()
  for (const [, name, quoted, token = ''] of String(header ?? '').matchAll(DIRECTIVE)) {
    const key = name!.toLowerCase()
    if (!directives.has(key)) directives.set(key, quoted ?? token)
  }
  return directives
}

/** Seconds of a directive or a header; 0 for what is not a whole number, so that nothing is kept by a value that nobody understands. */
export function secondsOf(value: string): number {
  return /^\d+$/.test(value) ? Number(value) : 0
}
