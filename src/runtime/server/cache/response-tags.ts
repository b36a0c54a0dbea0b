import type { ServerResponse } from 'node:http'
import { encodeKey } from './key'

/**
 * The cache tags of a response, for shared caches in front. Written by whoever makes the response, read at the last moment before its headers are sent.
 */
export interface ResponseTags {
  /** Key of the cached route that it comes from, as `invalidateCache` takes it. */
  key?: string
  /** As the cache stores them: encoded, with their scope. */
  stored: readonly string[]
  /** Those of the handler itself: encoded, and in the scope of the request. */
  named: readonly string[]
}

/** A registered symbol, since the page bundle and the server bundle may each hold a copy of this file. */
const TAGS = Symbol.for('nuxt-scale.response-tags')

type Tagged = ServerResponse & { [TAGS]?: ResponseTags }

let wanted = false

/** Whether anybody reads the tags of responses; until then a cached route does not note them. */
export function wantsResponseTags(): boolean {
  return wanted
}

export function wantResponseTags(): void {
  wanted = true
}

/** Notes what the cache knows of a response. */
export function noteStoredTags(response: ServerResponse, key: string, stored: readonly string[]): void {
  (response as Tagged)[TAGS] = { key, stored, named: responseTagsOf(response)?.named ?? [] }
}

/**
 * Adds tags to a response that no cache of this app keeps.
 *
 * @throws TypeError for a tag that is empty or no text
 */
export function nameResponseTags(response: ServerResponse, tags: readonly string[]): void {
  const known = responseTagsOf(response)
  const named = [...known?.named ?? [], ...tags.map(tag => encodeKey(tag, 'tag'))]
  ;(response as Tagged)[TAGS] = { stored: [], ...known, named }
}

export function responseTagsOf(response: ServerResponse): ResponseTags | undefined {
  return (response as Tagged)[TAGS]
}
