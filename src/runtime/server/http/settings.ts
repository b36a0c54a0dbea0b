import type { Duration } from '../cache/types'
import { checkPathPatterns } from '../core/paths'
import { parseDuration } from '../duration'
import { parseChoice, parseObject, parseSwitch, refuseOtherThanObject, refuseUnknownKeys, show } from '../settings'
import type { CacheClass, CachePolicy, CdnTarget } from './policy'
import { cacheClasses, cacheControlOf, cdnHeaders } from './policy'
import type { HttpPurgeOptions } from './purge/settings'
import type { TagFormat } from './tag-header'
import { tagFormats } from './tag-header'

/** How the responses of some paths may be cached. What is not set is as the class says. */
export interface HttpRule {
  /** @default 'static' */
  class?: CacheClass
  /** How long a browser may use it. */
  maxAge?: Duration
  /** How long a shared cache may. Default: as long as a browser. */
  sharedMaxAge?: Duration
  /** How long after that an old copy may be served while a new one is fetched. */
  staleWhileRevalidate?: Duration
  /** How long after that an old copy may be served while there is no new one. */
  staleIfError?: Duration
  /** Request headers that shape the response. */
  vary?: readonly string[]
}

/** `scale.http`: who may cache what, said at the last moment, when it is known what the response holds. */
export interface HttpModuleOptions {
  /**
   * Rules by path: `*` stands for a part between slashes, `/**` at the end for all below. The most specific pattern decides; `false` leaves its paths alone.
   * A rule holds for every spelling of its paths, in any case where a page answers.
   * They are added to those of `preset`.
   * @default {}
   */
  rules?: Record<string, false | CacheClass | HttpRule>
  /**
   * Begins with five rules: build files `immutable`, `/api/realtime/**` `no-store`, `/api/static/**` `static` for an hour,
   * the rest of `/api/**` in the browser alone for a minute, pages for five minutes. Public files are `static`.
   * @default true
   * @env NUXT_SCALE_HTTP_PRESET
   */
  preset?: boolean
  /**
   * The shared cache in front. It gets the shared lifetime in its own header, and browsers ask anew for pages.
   * @default ''
   * @env NUXT_SCALE_HTTP_CDN
   */
  cdn?: '' | CdnTarget
  /**
   * Names of cookies that make a request personal, `*` standing for anything: its response is never stored by a shared cache.
   * @default ['*sess*', '*sid*', '*auth*', '*token*', '*jwt*', '*login*', '*user*']
   */
  sessionCookies?: readonly string[]
  /**
   * Names of request headers that hold credentials: the response to a request with one of them is never stored by a shared cache.
   * A list of your own replaces the default; `authorization` counts in any case (RFC 9111 §3.5).
   * @default ['authorization', 'proxy-authorization', 'x-api-key', 'x-auth-token']
   * @env NUXT_SCALE_HTTP_CREDENTIAL_HEADERS a list in JSON. The generated nginx file reads `nuxt.config` alone
   */
  credentialHeaders?: readonly string[]
  /**
   * Gives JSON and text responses without an `ETag` one, and answers conditional requests with 304.
   * @default true
   * @env NUXT_SCALE_HTTP_ETAG
   */
  etag?: boolean
  /**
   * Invalidations of tags and keys reach the copies of the CDN too: Fastly, Cloudflare, or with `cdn: 'generic'` whoever answers HTTP PURGE,
   * such as Varnish. Off until this key is present.
   * @default false
   */
  purge?: false | HttpPurgeOptions
}

export const httpDefaults = {
  rules: {},
  preset: true,
  cdn: '',
  sessionCookies: ['*sess*', '*sid*', '*auth*', '*token*', '*jwt*', '*login*', '*user*'],
  credentialHeaders: ['authorization', 'proxy-authorization', 'x-api-key', 'x-auth-token'],
  etag: true,
  purge: false,
} satisfies Required<HttpModuleOptions>

/** One rule, checked. */
export interface ResolvedHttpRule {
  policy: CachePolicy
  /** The policy as `Cache-Control`, written once for all responses. */
  cacheControl: string
  /** Lower-case names for `Vary`, separated by `, `. */
  vary: string
  /** Never changes under its address, which only holds for build files: elsewhere the rule is `static`. */
  hashedOnly: boolean
}

export interface HttpSettings {
  /** By path pattern. */
  rules: ReadonlyMap<string, ResolvedHttpRule | false>
  /** The preset's rule of everything that no other rule names, and what public files get in its place. */
  pages: ResolvedHttpRule | undefined
  publicFiles: ResolvedHttpRule
  cdn: CdnTarget | undefined
  isSessionCookie: (name: string) => boolean
  /** In lower case; `authorization` is one of them. */
  credentialHeaders: readonly string[]
  etag: boolean
  /** How the shared cache in front is told the tags of a response. */
  tags: TagFormat | undefined
}

const OPTION = 'scale.http'
const RULE_KEYS = ['class', 'maxAge', 'sharedMaxAge', 'staleWhileRevalidate', 'staleIfError', 'vary']

/**
 * @param buildAssets path of the build files, such as `/_nuxt`
 * @throws Error naming the option that is wrong
 */
export function resolveHttpSettings(options: HttpModuleOptions, buildAssets = '/_nuxt'): HttpSettings {
  refuseOtherThanObject(options, OPTION)
  refuseUnknownKeys(options, Object.keys(httpDefaults), OPTION)
  const given = { ...httpDefaults, ...options }
  const cdn = !given.cdn ? undefined : parseChoice(given.cdn, Object.keys(cdnHeaders) as CdnTarget[], `${OPTION}.cdn`)
  const own = parseObject(given.rules, `${OPTION}.rules`)
  checkPathPatterns(Object.keys(own), `${OPTION}.rules`)
  const preset = parseSwitch(given.preset, `${OPTION}.preset`) ? presetRules(buildAssets, cdn) : {}
  const rules = new Map<string, ResolvedHttpRule | false>()
  for (const [pattern, rule] of Object.entries({ ...preset, ...own })) {
    rules.set(pattern, rule === false ? false : resolveRule(rule as CacheClass | HttpRule, `${OPTION}.rules['${pattern}']`, cdn))
  }
  return {
    rules,
    pages: '/**' in own ? undefined : rules.get('/**') || undefined,
    publicFiles: resolveRule('static', OPTION),
    cdn,
    isSessionCookie: compileNames(given.sessionCookies),
    credentialHeaders: parseCredentialHeaders(given.credentialHeaders),
    etag: parseSwitch(given.etag, `${OPTION}.etag`),
    // Without a purge nobody is known to read them, and a cache that is no CDN would show them to visitors.
    tags: cdn && (cdn !== 'generic' || given.purge) ? tagFormats[cdn] : undefined,
  }
}

/** With a cache in front that can be purged, a browser, which cannot, asks for pages anew. */
function presetRules(buildAssets: string, cdn: CdnTarget | undefined): Record<string, CacheClass | HttpRule> {
  return {
    [`${buildAssets}/**`]: 'immutable',
    '/api/realtime/**': 'no-store',
    '/api/static/**': { class: 'static', maxAge: 3600 },
    '/api/**': 'api',
    '/**': cdn ? { class: 'page', maxAge: 0, sharedMaxAge: cacheClasses.page.maxAge } : 'page',
  }
}

function resolveRule(rule: CacheClass | HttpRule, path: string, cdn?: CdnTarget): ResolvedHttpRule {
  const given: HttpRule = typeof rule === 'string' ? { class: rule } : rule
  if (typeof given !== 'object' || given === null) throw new TypeError(`${path} is ${show(rule)}: write false, a class such as 'static', or an object.`)
  refuseUnknownKeys(given, RULE_KEYS, path)
  const name = parseChoice(given.class ?? 'static', Object.keys(cacheClasses) as CacheClass[], `${path}.class`)
  const policy: CachePolicy = { ...cacheClasses[name] }
  for (const option of ['maxAge', 'sharedMaxAge', 'staleWhileRevalidate', 'staleIfError'] as const) {
    const value = given[option]
    if (value === undefined) continue
    if (policy.scope === 'none') throw new TypeError(`${path}.${option} has no meaning for the class no-store: take it out, or write another class.`)
    policy[option] = Math.floor(parseDuration(value, `${path}.${option}`) / 1000)
  }
  if (policy.scope === 'private' && given.sharedMaxAge !== undefined) throw new TypeError(`${path}.sharedMaxAge has no meaning for the class ${name}, which no shared cache may store: write another class.`)
  const vary = parseHeaderNames(given.vary ?? [], `${path}.vary`, 'accept-language')
  return { policy, cacheControl: cacheControlOf(policy, cdn), vary: vary.join(', '), hashedOnly: name === 'immutable' }
}

/**
 * The names of the request headers that hold credentials.
 *
 * @param names as `scale.http.credentialHeaders` has them
 * @returns lower-case names of letters, digits, dashes and underscores, each once
 * @throws TypeError naming the option
 */
export function parseCredentialHeaders(names: readonly string[]): readonly string[] {
  return [...new Set(['authorization', ...parseHeaderNames(names, `${OPTION}.credentialHeaders`, 'x-api-key')])]
}

function parseHeaderNames(names: unknown, path: string, example: string): string[] {
  if (!Array.isArray(names) || names.some(name => typeof name !== 'string' || !/^[\w-]+$/.test(name))) {
    throw new TypeError(`${path} is ${show(names)}: write a list of request headers, such as ['${example}'].`)
  }
  return names.map((name: string) => name.toLowerCase())
}

const STRICTNESS = { none: 0, private: 1, public: 3 }

/** Of the rules of two readings of one path, the one that lets less be stored: nothing, by the browser alone, what the handler says, by everybody. */
export function stricterHttpRule(one: ResolvedHttpRule | undefined, other: ResolvedHttpRule | undefined): ResolvedHttpRule | undefined {
  const difference = strictnessOf(one) - strictnessOf(other)
  if (difference !== 0 || !one || !other) return difference <= 0 ? one : other
  return lifetimeOf(one.policy) <= lifetimeOf(other.policy) ? one : other
}

function strictnessOf(rule: ResolvedHttpRule | undefined): number {
  return rule ? STRICTNESS[rule.policy.scope] : 2
}

function lifetimeOf({ maxAge, sharedMaxAge = maxAge }: CachePolicy): number {
  return Math.max(maxAge, sharedMaxAge)
}

function compileNames(patterns: readonly string[]): (name: string) => boolean {
  if (!Array.isArray(patterns) || patterns.some(pattern => typeof pattern !== 'string')) throw new TypeError(`${OPTION}.sessionCookies is ${show(patterns)}: write a list of names.`)
  if (patterns.length === 0) return () => false
  const expression = new RegExp(`^(?:${patterns.map(pattern => pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')).join('|')})$`, 'i')
  return name => expression.test(name)
}
