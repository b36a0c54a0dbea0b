import { parseDuration } from '../core/duration'
import { checkTagList } from './entry'
import { encodeKey, scopedKey } from './key'
import { resolveSerializer } from './serializer'
import type { CacheSettings } from './settings'
import type { Duration } from '../core/duration'
import type { CacheOptions, CacheReads, CacheSerializer } from './types'
import { manualReads } from './count-reads'

/** The resolved options of one call. Times are milliseconds. */
export interface Policy {
  ttl: number
  staleTtl: number
  staleIfError: number
  jitter: number
  /** Encoded, with the caller's scope. */
  tags: readonly string[]
  timeout: number
  softTimeout: number
  lease: boolean
  /** Beta of XFetch; 0 is off. */
  earlyRefresh: number
  serializer: CacheSerializer
  validate: CacheOptions['validate']
  onSource: CacheOptions['onSource']
  waitUntil: CacheOptions['waitUntil']
  onRefreshError: CacheOptions['onRefreshError']
  reads: CacheReads
}

const NONE: CacheOptions = {}
const NO_TAGS: readonly string[] = []

/** @throws Error that names the invalid option */
export function resolvePolicy(options: CacheOptions | number | undefined, settings: CacheSettings, scope: string): Policy {
  const given = typeof options === 'number' ? { ttl: options } : options ?? NONE
  const ttl = milliseconds(given.ttl, settings.ttl, 'ttl')
  if (ttl === 0) throw new TypeError('The cache option ttl is 0: write a duration above 0, or do not cache the value.')
  const timeout = milliseconds(given.timeout, settings.timeout, 'timeout')
  const { jitter = settings.jitter, earlyRefresh = false } = given
  const beta = Number(earlyRefresh)
  if (!(jitter >= 0 && jitter <= 1)) throw new TypeError(`The cache option jitter is ${jitter}: write a number from 0 to 1.`)
  if (!(beta >= 0 && beta < Infinity)) {
    throw new TypeError(`The cache option earlyRefresh is ${earlyRefresh}: write true, false or a number above 0.`)
  }
  return {
    ttl,
    staleTtl: milliseconds(given.staleTtl, settings.staleTtl, 'staleTtl'),
    staleIfError: milliseconds(given.staleIfError, settings.staleIfError, 'staleIfError'),
    jitter,
    tags: given.tags === undefined ? NO_TAGS : entryTags(given.tags, scope),
    timeout,
    softTimeout: Math.min(timeout, milliseconds(given.softTimeout, timeout, 'softTimeout')),
    lease: given.lease ?? settings.lease,
    earlyRefresh: beta,
    serializer: resolveSerializer(given.serializer),
    validate: given.validate,
    onSource: given.onSource,
    waitUntil: given.waitUntil,
    onRefreshError: given.onRefreshError,
    reads: given.reads ?? manualReads,
  }
}

/** Encodes the tags of one entry and checks that they fit its header. */
function entryTags(tags: readonly string[], scope: string): string[] {
  const encoded = encodeTags(tags, scope)
  checkTagList(encoded)
  return encoded
}

/**
 * Encodes tags to their stored form and removes duplicates.
 *
 * @throws TypeError when `tags` is not an array, or contains something other than non-empty strings.
 * A single string is rejected, because each of its characters would become a tag.
 */
export function encodeTags(tags: readonly string[], scope: string): string[] {
  if (!Array.isArray(tags)) throw new TypeError(`The cache option tags is ${JSON.stringify(tags)}: write a list, such as ['product'].`)
  return [...new Set(tags)].map(tag => scopedKey(scope, encodeKey(tag, 'tag')))
}

function milliseconds(value: Duration | undefined, fallback: number, name: string): number {
  return value === undefined ? fallback : parseDuration(value, `The cache option ${name}`)
}
