import type { ServerResponse } from 'node:http'
import { encodeKey } from './key'

/**
 * The cache tags of a response, for shared caches in front of the app.
 * The cache and handlers add them, and they are read just before the headers are sent.
 */
export interface ResponseTags {
  /** Key of the cached route that created the response, in the form that `invalidateCache` accepts. */
  key?: string
  /** Tags as the cache stores them: encoded, with their scope. */
  stored: readonly string[]
  /** Tags that the handler added: encoded, in the scope of the request. */
  named: readonly string[]
}

/** A registered symbol, because the page bundle and the server bundle may each contain a copy of this file. */
const TAGS = Symbol.for('nuxt-scale.response-tags')

type Tagged = ServerResponse & { [TAGS]?: ResponseTags }

let wanted = false

/** Returns whether a feature reads the tags of responses. If not, cached routes do not store them with the response. */
export function wantsResponseTags(): boolean {
  return wanted
}

export function wantResponseTags(): void {
  wanted = true
}

/** Stores the key and the tags of a cached response with it. */
export function noteStoredTags(response: ServerResponse, key: string, stored: readonly string[]): void {
  (response as Tagged)[TAGS] = { key, stored, named: responseTagsOf(response)?.named ?? [] }
}

/**
 * Adds tags to a response that the cache of the app does not store.
 *
 * @throws TypeError if a tag is not a string or is empty
 */
export function nameResponseTags(response: ServerResponse, tags: readonly string[]): void {
  const known = responseTagsOf(response)
  const named = [...known?.named ?? [], ...tags.map(tag => encodeKey(tag, 'tag'))]
  ;(response as Tagged)[TAGS] = { stored: [], ...known, named }
}

export function responseTagsOf(response: ServerResponse): ResponseTags | undefined {
  return (response as Tagged)[TAGS]
}
