import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { matchesEntityTag } from '../conditional'

/** What Nitro knows of a public file. */
export interface PublicFile {
  etag?: string
  mtime?: string
}

/**
 * Rewrites the conditions of a request so that Nitro's own handler of public files decides as RFC 9110 §13.2.2 says: it compares
 * `If-None-Match` as plain text, and asks `If-Modified-Since` even where `If-None-Match` has answered.
 */
export function settleConditions(headers: IncomingHttpHeaders, { etag }: PublicFile): void {
  const ifNoneMatch = headers['if-none-match']
  if (ifNoneMatch === undefined) return
  delete headers['if-modified-since']
  if (etag !== undefined && matchesEntityTag(ifNoneMatch, etag)) headers['if-none-match'] = etag
  else delete headers['if-none-match']
}

/** Gives the 304 of a public file the headers of its 200 that Nitro leaves out (RFC 9110 §15.4.5). */
export function completeNotModified(response: ServerResponse, { etag, mtime }: PublicFile): void {
  if (response.statusCode !== 304) return
  if (etag && !response.hasHeader('etag')) response.setHeader('etag', etag)
  if (mtime && !response.hasHeader('last-modified')) response.setHeader('last-modified', new Date(mtime).toUTCString())
}
