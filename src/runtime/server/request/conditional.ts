/**
 * Headers that describe or frame a body, so a 304 does not have them (RFC 9110 §15.4.5, RFC 9112 §6.1).
 * All other headers of a 304 are the same as those of the 200.
 */
export const BODY_HEADERS: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'content-encoding',
  'content-language',
  'content-range',
  'transfer-encoding',
])

/** The validators of the stored response. */
export interface Validators {
  etag?: string
  /** An HTTP date. */
  lastModified?: string
}

/** The conditional headers of a request. */
export interface Conditions {
  ifNoneMatch?: string
  ifModifiedSince?: string
}

/**
 * Returns whether the copy of the client is still valid, so that a GET or HEAD is answered with 304 (RFC 9110 §13.2.2).
 * If `If-None-Match` is present, `If-Modified-Since` is ignored.
 */
export function isNotModified(conditions: Conditions, validators: Validators): boolean {
  if (conditions.ifNoneMatch !== undefined) return matchesEntityTag(conditions.ifNoneMatch, validators.etag)
  if (conditions.ifModifiedSince === undefined || validators.lastModified === undefined) return false
  const since = Date.parse(conditions.ifModifiedSince)
  const modified = Date.parse(validators.lastModified)
  return since >= modified
}

/** Compares an entity tag with a list by weak comparison (RFC 9110 §8.8.3.2). `*` matches any tag. */
export function matchesEntityTag(list: string, etag: string | undefined): boolean {
  if (list.trim() === '*') return true
  if (etag === undefined) return false
  const opaque = withoutWeakness(etag)
  // A tag may contain a comma inside its quotes, so the list is not split at commas.
  return (list.match(/(?:W\/)?"[^"]*"/g) ?? [list.trim()]).some(candidate => withoutWeakness(candidate) === opaque)
}

function withoutWeakness(etag: string): string {
  return etag.startsWith('W/') ? etag.slice(2) : etag
}
