import { parseDuration } from '../core/duration'
import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseBytes, parseCount, parseShare, parseSwitch } from '../core/settings'
import type { Duration } from '../core/duration'

/** `scale.cache`: the cache of the whole app. A plain number is seconds where the option is a duration. */
export interface CacheModuleOptions {
  /**
   * How long a value is fresh if the call sets no `ttl`.
   * @default 300
   * @env NUXT_SCALE_CACHE_TTL
   */
  ttl?: Duration
  /**
   * How long after `ttl` the old value is still served at once while one process reloads it (stale-while-revalidate, RFC 5861).
   * @default 0
   * @env NUXT_SCALE_CACHE_STALE_TTL
   */
  staleTtl?: Duration
  /**
   * How long after `ttl` the old value is served when the loader fails or Redis is unavailable (stale-if-error, RFC 5861).
   * @default 0
   * @env NUXT_SCALE_CACHE_STALE_IF_ERROR
   */
  staleIfError?: Duration
  /**
   * Share of `ttl`, from 0 to 1, that is added or subtracted at random, so that entries written together do not expire together.
   * @default 0.05
   * @env NUXT_SCALE_CACHE_JITTER
   */
  jitter?: number
  /**
   * Deadline of one load, and the longest wait for the load of another process.
   * @default '30s'
   * @env NUXT_SCALE_CACHE_TIMEOUT
   */
  timeout?: Duration
  /**
   * Takes a lease in Redis, so that only one process of the cluster loads a missing key. The others wait for its value.
   * @default true
   * @env NUXT_SCALE_CACHE_LEASE
   */
  lease?: boolean
  /** L1, the first level of the cache: decoded values in the memory of the process. `false` turns it off. */
  l1?: false | CacheL1Options
  /**
   * Runs Nitro's own cache (`cachedEventHandler`, `cachedFunction`, `routeRules` `cache` and `swr`) on this cache.
   * The build reads this option; the environment cannot change it.
   * @default true
   */
  nitro?: boolean
  /**
   * How long a cached route or function with `swr` may be served stale if it sets no `staleMaxAge`.
   * @default '1d'
   * @env NUXT_SCALE_CACHE_STALE_MAX_AGE
   */
  staleMaxAge?: Duration
  /**
   * Largest serialized value that is stored. A larger value is returned but not stored, and logged once per key.
   * A plain number is bytes.
   * @default '16mb'
   * @env NUXT_SCALE_CACHE_MAX_VALUE_SIZE
   */
  maxValueSize?: number | string
  /**
   * Largest response body that a cached route stores. A larger body is sent but not cached. A plain number is bytes.
   * @default '8mb'
   * @env NUXT_SCALE_CACHE_MAX_BODY_SIZE
   */
  maxBodySize?: number | string
  /**
   * Adds a `Cache-Status` header (RFC 9211) to the responses of cached routes. It names the level that answered, as in
   * `nuxt-scale; hit; detail=l1`. Always on in development.
   * @default false
   * @env NUXT_SCALE_CACHE_DEBUG_HEADERS
   */
  debugHeaders?: boolean
}

interface CacheL1Options {
  /**
   * Maximum number of entries.
   * @default 10000
   * @env NUXT_SCALE_CACHE_L1_MAX_ENTRIES
   */
  maxEntries?: number
  /**
   * Maximum memory, estimated from the payload of each entry. A plain number is bytes.
   * @default '64mb'
   * @env NUXT_SCALE_CACHE_L1_MAX_BYTES
   */
  maxBytes?: number | string
  /**
   * How long an entry is used at most before it is read from Redis again.
   * @default 60
   * @env NUXT_SCALE_CACHE_L1_TTL
   */
  ttl?: Duration
}

/** The validated options. All times are milliseconds, all sizes are bytes. */
export interface CacheSettings {
  ttl: number
  staleTtl: number
  staleIfError: number
  jitter: number
  timeout: number
  lease: boolean
  l1: { maxEntries: number, maxBytes: number, ttl: number }
  staleMaxAge: number
  maxValueSize: number
  maxBodySize: number
  debugHeaders: boolean
}

const OPTION = 'scale.cache'
const L1_DEFAULTS = { maxEntries: 10_000, maxBytes: '64mb', ttl: 60 }

/** The options of `scale.cache`. */
export const cacheSettings = defineSettings({
  path: OPTION,
  defaults: {
    ttl: 300,
    staleTtl: 0,
    staleIfError: 0,
    jitter: 0.05,
    timeout: '30s',
    lease: true,
    l1: L1_DEFAULTS,
    nitro: true,
    staleMaxAge: '1d',
    maxValueSize: '16mb',
    maxBodySize: '8mb',
    debugHeaders: false,
  },
  resolve: resolveCache,
})

function resolveCache(given: Complete<CacheModuleOptions>): CacheSettings {
  const ttl = parseDuration(given.ttl, `${OPTION}.ttl`)
  if (ttl === 0) throw new TypeError(`${OPTION}.ttl is 0: write a duration above 0, or turn the cache off with scale.cache: false.`)
  parseSwitch(given.nitro, `${OPTION}.nitro`)
  return {
    ttl,
    staleTtl: parseDuration(given.staleTtl, `${OPTION}.staleTtl`),
    staleIfError: parseDuration(given.staleIfError, `${OPTION}.staleIfError`),
    jitter: parseShare(given.jitter, `${OPTION}.jitter`),
    timeout: parseDuration(given.timeout, `${OPTION}.timeout`),
    lease: parseSwitch(given.lease, `${OPTION}.lease`),
    l1: resolveL1(given.l1, `${OPTION}.l1`),
    staleMaxAge: parseDuration(given.staleMaxAge, `${OPTION}.staleMaxAge`),
    maxValueSize: parseBytes(given.maxValueSize, `${OPTION}.maxValueSize`),
    maxBodySize: parseBytes(given.maxBodySize, `${OPTION}.maxBodySize`),
    debugHeaders: parseSwitch(given.debugHeaders, `${OPTION}.debugHeaders`),
  }
}

function resolveL1(l1: Complete<CacheModuleOptions>['l1'], path: string): CacheSettings['l1'] {
  if (l1 === false) return { maxEntries: 0, maxBytes: 0, ttl: 0 }
  if (typeof l1 !== 'object' || l1 === null) {
    throw new TypeError(`${path} is ${JSON.stringify(l1)}: write false, or an object with maxEntries, maxBytes and ttl.`)
  }
  // With `l1: false` in nuxt.config, a variable that sets some options at run time finds no defaults to join.
  const given = { ...L1_DEFAULTS, ...l1 }
  return {
    maxEntries: parseCount(given.maxEntries, `${path}.maxEntries`),
    maxBytes: parseBytes(given.maxBytes, `${path}.maxBytes`),
    ttl: parseDuration(given.ttl, `${path}.ttl`),
  }
}
