import { createHash } from 'node:crypto'
import { encodeKey, SCOPE_DELIMITER, scopedKey, withoutScope } from '../cache/key'
import type { ResponseTags } from '../cache/response-tags'
import type { CdnTarget } from './policy'

/** How tags are sent to a shared cache, and the limits of that cache. Lengths are in bytes; tags contain only ASCII. */
export interface TagFormat {
  header: string
  separator: ' ' | ','
  /** Longest tag. A longer one is sent as its hash. */
  longestTag: number
  longestHeader: number
  mostTags: number
  /** The cache treats `Acme` and `acme` as the same tag, so upper-case letters are encoded. */
  ignoresCase: boolean
}

/**
 * Tag formats by target. nginx has no tags. Fastly accepts 16,384 bytes and drops the rest. Cloudflare accepts 16 KB and ignores case.
 * Vercel accepts 128 tags of 256 bytes. `generic` is usually Varnish, which reads headers up to 8 KB.
 */
export const tagFormats: Readonly<Partial<Record<CdnTarget, TagFormat>>> = {
  generic: { header: 'surrogate-key', separator: ' ', longestTag: 1024, longestHeader: 8000, mostTags: 1000, ignoresCase: false },
  fastly: { header: 'surrogate-key', separator: ' ', longestTag: 1024, longestHeader: 16_384, mostTags: 1000, ignoresCase: false },
  cloudflare: { header: 'cache-tag', separator: ',', longestTag: 1024, longestHeader: 16_000, mostTags: 1000, ignoresCase: true },
  netlify: { header: 'netlify-cache-tag', separator: ',', longestTag: 1024, longestHeader: 8000, mostTags: 500, ignoresCase: true },
  vercel: { header: 'vercel-cache-tag', separator: ',', longestTag: 256, longestHeader: 8000, mostTags: 128, ignoresCase: true },
}

/** Written instead of a scope for the tag in every scope. An encoded scope is never equal to it. */
const EVERYWHERE = '%'
/** Characters to encode, because they could have a meaning in a header or in the purge syntax of a cache. `%` begins an encoding. */
const UNSAFE = /[^\w.~:/|%-]/g

/**
 * Encodes a tag for the header. Different tags stay different, even for a cache that ignores case.
 *
 * @param stored a tag or key as the cache stores it: encoded, with its scope
 */
export function wireTag(stored: string, { longestTag, ignoresCase }: TagFormat): string {
  const safe = stored.replace(UNSAFE, encodeCharacter)
  const text = ignoresCase ? safe.replace(/%[\dA-F]{2}|[A-Z]/g, part => part.length === 1 ? encodeCharacter(part) : part) : safe
  // No other encoding begins with `%~`.
  return text.length <= longestTag ? text : `%~${createHash('sha256').update(text).digest('hex')}`
}

/** Encodes a tag for all scopes together. Each response of a scope includes it in addition to the tag of its own scope. */
export function wireTagEverywhere(tag: string, format: TagFormat): string {
  return wireTag(EVERYWHERE + SCOPE_DELIMITER + tag, format)
}

/**
 * Returns the value of the header.
 *
 * @param scope scope of the request (its tenant), '' for none
 * @param given value that the response already has
 * @returns `''` if there are no tags, undefined if there are more than the shared cache accepts
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
