import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { matchesEntityTag } from '../request/conditional'

/** The metadata that Nitro has of a public file. */
export interface PublicFile {
  etag?: string
  mtime?: string
}

/**
 * Rewrites the conditional headers of a request so that Nitro's handler of public files follows RFC 9110 §13.2.2.
 * Without this, Nitro compares `If-None-Match` as a plain string, and evaluates `If-Modified-Since` although `If-None-Match` is present.
 */
export function settleConditions(headers: IncomingHttpHeaders, { etag }: PublicFile): void {
  const ifNoneMatch = headers['if-none-match']
  if (ifNoneMatch === undefined) return
  delete headers['if-modified-since']
  if (etag !== undefined && matchesEntityTag(ifNoneMatch, etag)) headers['if-none-match'] = etag
  else delete headers['if-none-match']
}

/** Adds the headers to the 304 of a public file that Nitro sends only with the 200 (RFC 9110 §15.4.5). */
export function completeNotModified(response: ServerResponse, { etag, mtime }: PublicFile): void {
  if (response.statusCode !== 304) return
  if (etag && !response.hasHeader('etag')) response.setHeader('etag', etag)
  if (mtime && !response.hasHeader('last-modified')) response.setHeader('last-modified', new Date(mtime).toUTCString())
}
