import { createHash } from 'node:crypto'
import { encodeKey, SCOPE_DELIMITER, scopedKey, withoutScope } from '../cache/key'
import type { ResponseTags } from '../response-tags'
import type { CdnTarget } from './policy'

/** How a shared cache is told the tags of a response, and what it can take. Bytes; all of a tag is ASCII. */
export interface TagFormat {
  header: string
  separator: ' ' | ','
  /** A longer tag is sent as its hash. */
  longestTag: number
  longestHeader: number
  mostTags: number
  /** It takes `Acme` and `acme` for one tag, so letters of the upper case are encoded. */
  ignoresCase: boolean
}

/**
 * By target. nginx has no tags. Fastly: 16,384 bytes, of which it drops the rest. Cloudflare: 16 KB, case ignored. Vercel: 128 tags of 256 bytes.
 * Varnish, the usual one behind `generic`, reads headers up to 8 KB.
 */
export const tagFormats: Readonly<Partial<Record<CdnTarget, TagFormat>>> = {
  generic: { header: 'surrogate-key', separator: ' ', longestTag: 1024, longestHeader: 8000, mostTags: 1000, ignoresCase: false },
  fastly: { header: 'surrogate-key', separator: ' ', longestTag: 1024, longestHeader: 16_384, mostTags: 1000, ignoresCase: false },
  cloudflare: { header: 'cache-tag', separator: ',', longestTag: 1024, longestHeader: 16_000, mostTags: 1000, ignoresCase: true },
  netlify: { header: 'netlify-cache-tag', separator: ',', longestTag: 1024, longestHeader: 8000, mostTags: 500, ignoresCase: true },
  vercel: { header: 'vercel-cache-tag', separator: ',', longestTag: 256, longestHeader: 8000, mostTags: 128, ignoresCase: true },
}

/** In the place of a scope: the tag in every scope. It cannot come out of the encoding of a scope. */
const EVERYWHERE = '%'
/** What no header and no purge language of a cache takes for something else. `%` begins what is encoded. */
const UNSAFE = /[^\w.~:/|%-]/g

/**
 * A tag on the wire. Different tags stay different, also for a cache that ignores case.
 *
 * @param stored a tag or key as the cache stores it: encoded, with its scope
 */
export function wireTag(stored: string, { longestTag, ignoresCase }: TagFormat): string {
  const safe = stored.replace(UNSAFE, encodeCharacter)
  const text = ignoresCase ? safe.replace(/%[\dA-F]{2}|[A-Z]/g, part => part.length === 1 ? encodeCharacter(part) : part) : safe
  // `%~` begins nothing else.
  return text.length <= longestTag ? text : `%~${createHash('sha256').update(text).digest('hex')}`
}

/** The same tag in every scope: each response of a scope bears it beside its own. */
export function wireTagEverywhere(tag: string, format: TagFormat): string {
  return wireTag(EVERYWHERE + SCOPE_DELIMITER + tag, format)
}

/**
 * The value of the header.
 *
 * @param scope of the request (its tenant), '' for none
 * @param given what the response bears already
 * @returns `''` when there are no tags, undefined when they are more than the shared cache can take
 */
export function tagHeaderOf({ key, stored, named }: ResponseTags, scope: string, format: TagFormat, given = ''): string | undefined {
  const tags = new Set(stored)
  for (const tag of named) tags.add(scopedKey(scope, tag))
  const written = new Set(given === '' ? [] : given.split(format.separator).map(tag => tag.trim()).filter(Boolean))
  for (const tag of tags) {
    written.add(wireTag(tag, format))
    if (scope !== '') written.add(wireTagEverywhere(withoutScope(tag), format))
  }
  if (key !== undefined) written.add(wireTag(scopedKey(scope, encodeKey(key)), format))
  const value = [...written].join(format.separator)
  return written.size <= format.mostTags && value.length <= format.longestHeader ? value : undefined
}

function encodeCharacter(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
