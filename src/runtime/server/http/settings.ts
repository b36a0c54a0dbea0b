import type { Duration } from '../core/duration'
import { checkPathPatterns } from '../core/paths'
import { parseDuration } from '../core/duration'
import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseChoice, parseObject, parseSwitch, refuseUnknownKeys, show } from '../core/settings'
import type { CacheClass, CachePolicy, CdnTarget } from './policy'
import { cacheClasses, cacheControlOf, cdnHeaders } from './policy'
import type { HttpPurgeOptions } from './purge/settings'
import { purgeSettings } from './purge/settings'
import type { TagFormat } from './tag-header'
import { tagFormats } from './tag-header'

/** How caches may store the responses of some paths. A field that is not set has the value of the class. Plain numbers are seconds. */
export interface HttpRule {
  /**
   * Class of the responses, which sets all other fields.
   * @default 'static'
   */
  class?: CacheClass
  /** How long a browser may use a response. */
  maxAge?: Duration
  /**
   * How long a shared cache may use a response.
   * @default maxAge
   */
  sharedMaxAge?: Duration
  /** How long after its lifetime an old response may be served while a new one is fetched. */
  staleWhileRevalidate?: Duration
  /** How long after its lifetime an old response may be served while the app answers with errors. */
  staleIfError?: Duration
  /**
   * Request headers that change the response. The module adds them to `Vary`.
   * @default []
   */
  vary?: readonly string[]
}

/** `scale.http`: caching headers. The module sets them just before a response is sent, once its contents are known. */
export interface HttpModuleOptions {
  /**
   * Rules by path pattern: `*` matches one part between slashes, and a final `/**` matches the path and everything below it.
   * The most specific pattern applies. `false` excludes the paths of its pattern.
   * A rule applies to every encoding of its paths, and to upper and lower case if a page answers the path.
   * These rules are added to those of `preset`.
   * @default {}
   */
  rules?: Record<string, false | CacheClass | HttpRule>
  /**
   * Adds five rules: build files are `immutable`, `/api/realtime/**` is `no-store`, `/api/static/**` is `static` for an hour,
   * only browsers store the rest of `/api/**` (for a minute), and pages are stored for five minutes. Public files are `static`.
   * @default true
   * @env NUXT_SCALE_HTTP_PRESET
   */
  preset?: boolean
  /**
   * The shared cache in front of the app. It gets the shared lifetime in its own header, and browsers revalidate pages each time.
   * @default ''
   * @env NUXT_SCALE_HTTP_CDN
   */
  cdn?: '' | CdnTarget
  /**
   * Names of session cookies; `*` matches any characters. Shared caches never store the response to a request with such a cookie.
   * @default ['*sess*', '*sid*', '*auth*', '*token*', '*jwt*', '*login*', '*user*']
   */
  sessionCookies?: readonly string[]
  /**
   * Names of request headers that contain credentials. Shared caches never store the response to a request with such a header.
   * Your list replaces the default. `authorization` is always included (RFC 9111 §3.5).
   * @default ['authorization', 'proxy-authorization', 'x-api-key', 'x-auth-token']
   * @env NUXT_SCALE_HTTP_CREDENTIAL_HEADERS a JSON list. The generated nginx file uses only the value of `nuxt.config`
   */
  credentialHeaders?: readonly string[]
  /**
   * Adds an `ETag` to JSON and text responses that have none, and answers conditional requests with 304.
   * @default true
   * @env NUXT_SCALE_HTTP_ETAG
   */
  etag?: boolean
  /**
   * Purges the CDN when tags and keys are invalidated: Fastly, Cloudflare, or with `cdn: 'generic'` a cache that supports HTTP PURGE,
   * such as Varnish. Off until this key is present.
   * @default false
   */
  purge?: false | HttpPurgeOptions
}

/** A validated rule. */
export interface ResolvedHttpRule {
  policy: CachePolicy
  /** The policy as `Cache-Control`, formatted once for all responses. */
  cacheControl: string
  /** Lower-case names for `Vary`, separated by `, `. */
  vary: string
  /** The rule is `immutable`, which is safe for build files only. For other paths, the class `static` applies instead. */
  hashedOnly: boolean
}

interface HttpSettings {
  /** Rules by path pattern. */
  rules: ReadonlyMap<string, ResolvedHttpRule | false>
  /** Rule `/**` of the preset, for paths without a rule of their own; undefined if the app sets this rule itself. */
  pages: ResolvedHttpRule | undefined
  /** Rule that public files get instead of `pages`. */
  publicFiles: ResolvedHttpRule
  cdn: CdnTarget | undefined
  isSessionCookie: (name: string) => boolean
  /** Names in lower case, including `authorization`. */
  credentialHeaders: readonly string[]
  etag: boolean
  /** How the tags of a response are sent to the shared cache; undefined if they are not sent. */
  tags: TagFormat | undefined
}

const OPTION = 'scale.http'
const RULE_KEYS = ['class', 'maxAge', 'sharedMaxAge', 'staleWhileRevalidate', 'staleIfError', 'vary']

/** The options of `scale.http`. */
export const httpSettings = defineSettings({
  path: OPTION,
  defaults: {
    rules: {},
    preset: true,
    cdn: '',
    sessionCookies: ['*sess*', '*sid*', '*auth*', '*token*', '*jwt*', '*login*', '*user*'],
    credentialHeaders: ['authorization', 'proxy-authorization', 'x-api-key', 'x-auth-token'],
    etag: true,
    purge: false,
  },
  offGroups: { purge: purgeSettings.defaults },
  resolve: resolveHttp,
})

/** @param buildAssets path of the build files, such as `/_nuxt` */
function resolveHttp(given: Complete<HttpModuleOptions>, buildAssets = '/_nuxt'): HttpSettings {
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
    // A generic cache reads the tags only for purging. A cache that does not know the header would forward it to visitors.
    tags: cdn && (cdn !== 'generic' || given.purge) ? tagFormats[cdn] : undefined,
  }
}

/** With a CDN, browsers revalidate pages each time, because a purge reaches the CDN but not the browsers. */
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
  if (typeof given !== 'object' || given === null) {
    throw new TypeError(`${path} is ${show(rule)}: write false, a class such as 'static', or an object.`)
  }
  refuseUnknownKeys(given, RULE_KEYS, path)
  const name = parseChoice(given.class ?? 'static', Object.keys(cacheClasses) as CacheClass[], `${path}.class`)
  const policy: CachePolicy = { ...cacheClasses[name] }
  for (const option of ['maxAge', 'sharedMaxAge', 'staleWhileRevalidate', 'staleIfError'] as const) {
    const value = given[option]
    if (value === undefined) continue
    if (policy.scope === 'none') {
      throw new TypeError(`${path}.${option} has no effect with the class no-store: remove it, or use another class.`)
    }
    policy[option] = Math.floor(parseDuration(value, `${path}.${option}`) / 1000)
  }
  if (policy.scope === 'private' && given.sharedMaxAge !== undefined) {
    throw new TypeError(`${path}.sharedMaxAge has no effect with the class ${name}, which shared caches must not store: use another class.`)
  }
  const vary = parseHeaderNames(given.vary ?? [], `${path}.vary`, 'accept-language')
  return { policy, cacheControl: cacheControlOf(policy, cdn), vary: vary.join(', '), hashedOnly: name === 'immutable' }
}

/**
 * Parses the names of the request headers that contain credentials.
 *
 * @param names value of `scale.http.credentialHeaders`
 * @returns lower-case names of letters, digits, dashes and underscores, without duplicates
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

/**
 * Chooses between the rules of two readings of one path. The stricter one wins, in this order: no cache, only the browser,
 * no rule (the handler decides), all caches. If both are equal, the shorter lifetime wins.
 */
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
  if (!Array.isArray(patterns) || patterns.some(pattern => typeof pattern !== 'string')) {
    throw new TypeError(`${OPTION}.sessionCookies is ${show(patterns)}: write a list of names.`)
  }
  if (patterns.length === 0) return () => false
  const alternatives = patterns.map(pattern => pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*'))
  const expression = new RegExp(`^(?:${alternatives.join('|')})$`, 'i')
  return name => expression.test(name)
}
