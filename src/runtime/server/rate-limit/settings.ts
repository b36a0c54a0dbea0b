import type { Duration } from '../core/duration'
import { checkPathPatterns } from '../core/paths'
import { parseDuration } from '../core/duration'
import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseChoice, parseCount, parseObject, parseSwitch, refuseUnknownKeys } from '../core/settings'
import { compileProxies } from '../core/trusted-addresses'
import type { Bucket } from '../core/gcra'
import { bucketOf } from '../core/gcra'

/**
 * The behaviour while Redis is unavailable. `memory`: each process allows a share of the limit. `open`: all requests pass.
 * `closed`: all requests are denied.
 */
type Fallback = 'memory' | 'open' | 'closed'

/** The property that requests of one bucket have in common. */
type RateLimitKey = 'address' | 'tenant' | 'function'

/** One limit. */
export interface RateLimitRule {
  /** Number of requests that are allowed per `window`. */
  limit: number
  /**
   * Length of the window. A plain number is seconds.
   * @default 1
   */
  window?: Duration
  /**
   * Number of requests that may pass early: 1 + burst pass at once, as with `limit_req … burst nodelay` of nginx.
   * @default limit - 1
   */
  burst?: number
  /**
   * Number of requests that one request counts as. Raise it for expensive routes.
   * @default 1
   */
  cost?: number
  /**
   * The property by which requests share a bucket: `'address'` (client address, IPv6 by /64), `'tenant'`,
   * or `'function'` for the result of `rateLimitKey()` in `server/scale.config.ts`, such as a user id.
   * @default 'address'
   */
  key?: RateLimitKey
  /**
   * HTTP methods that count. An empty list means all methods.
   * @default []
   */
  methods?: readonly string[]
  /**
   * Counts and reports denials, but lets all requests pass. Use it to test a limit.
   * @default false
   */
  shadow?: boolean
  /**
   * Behaviour while Redis is unavailable: `'memory'` (each instance counts on its own), `'open'` (all pass) or `'closed'` (all are denied).
   * @default 'memory'
   */
  fallback?: Fallback
}

/** `scale.rateLimit`: limits how many requests one caller can make, over all instances. */
export interface RateLimitModuleOptions {
  /**
   * Limits by path pattern: `*` matches one part between slashes, and a final `/**` matches the path and everything below it.
   * The most specific pattern applies. `false` exempts the paths of its pattern.
   * A limit applies to every encoding of its paths, and to upper and lower case if a page answers the path.
   * @default {}
   */
  rules?: Record<string, false | RateLimitRule>
  /**
   * Addresses and CIDR ranges of your proxies; `'unix'` is a proxy on a UNIX socket. The client address is the rightmost entry of
   * `X-Forwarded-For` that is not one of them. Without proxies, the peer of the socket is the client.
   * @default []
   * @env NUXT_SCALE_RATE_LIMIT_TRUSTED_PROXIES a JSON list
   */
  trustedProxies?: readonly string[]
  /**
   * Longest time that Redis may take for one decision. A plain number is seconds.
   * @default '75ms'
   * @env NUXT_SCALE_RATE_LIMIT_TIMEOUT
   */
  timeout?: Duration
  /**
   * Number of instances. While Redis is unavailable, each instance allows this fraction of a limit: with 4, a quarter.
   * @default 1
   * @env NUXT_SCALE_RATE_LIMIT_REPLICAS
   */
  replicas?: number
  /**
   * Whether responses include the headers `RateLimit-Policy` and `RateLimit`.
   * @default true
   * @env NUXT_SCALE_RATE_LIMIT_HEADERS
   */
  headers?: boolean
}

/** A validated limit. */
export interface RateLimit {
  /** Name of the limit, used for its buckets and headers. */
  name: string
  /** The name as a quoted string for the headers. */
  label: string
  /** Value of `RateLimit-Policy`. */
  policy: string
  bucket: Bucket
  cost: number
  key: RateLimitKey
  /** Methods in upper case; empty for all. */
  methods: readonly string[]
  shadow: boolean
  fallback: Fallback
}

/** Validated settings of the feature. */
export interface RateLimitSettings {
  /** Limits by path pattern. */
  rules: ReadonlyMap<string, RateLimit | false>
  /** Returns whether an address is one of the proxies. */
  trusts: (address: string | undefined) => boolean
  /** Longest time of one decision in milliseconds. */
  timeout: number
  replicas: number
  headers: boolean
}

const OPTION = 'scale.rateLimit'
const RULE = { limit: 0, window: 1, burst: 0, cost: 1, key: 'address', methods: [], shadow: false, fallback: 'memory' }

/** The options of `scale.rateLimit`. */
export const rateLimitSettings = defineSettings({
  path: OPTION,
  defaults: {
    rules: {},
    trustedProxies: [],
    timeout: '75ms',
    replicas: 1,
    headers: true,
  },
  resolve: resolveAll,
})

function resolveAll(given: Complete<RateLimitModuleOptions>): RateLimitSettings {
  const rules = parseObject(given.rules, `${OPTION}.rules`)
  checkPathPatterns(Object.keys(rules), `${OPTION}.rules`)
  return {
    rules: new Map(Object.entries(rules).map(([pattern, rule]) =>
      [pattern, rule === false ? false : resolveRateLimit(pattern, rule as RateLimitRule, `${OPTION}.rules['${pattern}']`)])),
    trusts: compileProxies(given.trustedProxies, `${OPTION}.trustedProxies`),
    timeout: parseDuration(given.timeout, `${OPTION}.timeout`),
    replicas: parseCount(given.replicas, `${OPTION}.replicas`),
    headers: parseSwitch(given.headers, `${OPTION}.headers`),
  }
}

/**
 * Validates one limit.
 *
 * @param name name of the limit
 * @param path path of the option, for errors
 * @throws Error naming the option that is wrong
 */
export function resolveRateLimit(name: string, rule: RateLimitRule, path: string): RateLimit {
  parseObject(rule, path)
  refuseUnknownKeys(rule, Object.keys(RULE), path)
  const limit = parseCount(rule.limit, `${path}.limit`)
  const window = parseDuration(rule.window ?? RULE.window, `${path}.window`)
  if (window < 1) throw new TypeError(`${path}.window is ${JSON.stringify(rule.window)}: write a time of at least '1ms'.`)
  const bucket = bucketOf(limit, window * 1000, parseCount(rule.burst ?? limit - 1, `${path}.burst`, 0))
  if (bucket.capacity > Number.MAX_SAFE_INTEGER / 4) {
    throw new TypeError(`${path} covers more than 70 years: write a shorter window or a smaller burst.`)
  }
  const cost = parseCount(rule.cost ?? RULE.cost, `${path}.cost`)
  if (cost * bucket.interval > bucket.capacity) {
    throw new TypeError(
      `${path}.cost is ${cost}, which is more than 1 + burst, so no request would ever pass: write a smaller cost or a larger burst.`,
    )
  }
  const { methods = [] } = rule
  if (!Array.isArray(methods) || methods.some(method => typeof method !== 'string')) {
    throw new TypeError(`${path}.methods is ${JSON.stringify(methods)}: write a list of methods, such as ['POST'].`)
  }
  const label = quoted(name)
  return {
    name,
    label,
    policy: `${label};q=${limit};w=${Math.ceil(window / 1000)}`,
    bucket,
    cost,
    key: parseChoice(rule.key ?? RULE.key, ['address', 'tenant', 'function'], `${path}.key`),
    methods: methods.map(method => method.toUpperCase()),
    shadow: parseSwitch(rule.shadow ?? RULE.shadow, `${path}.shadow`),
    fallback: parseChoice(rule.fallback ?? RULE.fallback, ['memory', 'open', 'closed'], `${path}.fallback`),
  }
}

/** Returns whether a rule counts requests of this method. @param method name in upper case */
export function countsMethod({ methods }: RateLimit, method: string): boolean {
  return methods.length === 0 || methods.includes(method)
}

/** Chooses between the rules of two readings of one path: the rule that counts this method, or the slower one if both do. */
export function stricterRateLimit(one: RateLimit | undefined, other: RateLimit | undefined, method: string): RateLimit | undefined {
  const counting = [one, other].filter(rule => rule !== undefined && countsMethod(rule, method)) as RateLimit[]
  return counting.sort((left, right) =>
    right.bucket.interval * right.cost - left.bucket.interval * left.cost || left.bucket.capacity - right.bucket.capacity)[0]
}

/** Formats a name as a string of a structured field, which can contain only printable ASCII (RFC 8941 §3.3.3). */
function quoted(name: string): string {
  return `"${name.replace(/[^\x20-\x7E]/g, '?').replace(/["\\]/g, '\\$&')}"`
}
