import type { Duration } from '../core/duration'
import { checkPathPatterns } from '../core/paths'
import { parseDuration } from '../core/duration'
import { parseChoice, parseCount, parseObject, parseSwitch, refuseOtherThanObject, refuseUnknownKeys } from '../core/settings'
import { compileTrustedAddresses } from '../core/trusted-addresses'
import type { Bucket } from './gcra'
import { bucketOf } from './gcra'

/** What decides while Redis is gone: a share of the limit in this process, everything passes, nothing passes. */
export type Fallback = 'memory' | 'open' | 'closed'

/** Whose requests share a bucket. */
export type RateLimitKey = 'address' | 'tenant' | 'function'

/** One limit. */
export interface RateLimitRule {
  /** Requests that may come in `window`. */
  limit: number
  /**
   * @default 1 (second)
   */
  window?: Duration
  /**
   * Requests that may come ahead of their time: 1 + burst pass at once, as with `limit_req … burst nodelay` of nginx.
   * @default limit - 1
   */
  burst?: number
  /**
   * What one request takes of the bucket.
   * @default 1
   */
  cost?: number
  /**
   * Whose requests share a bucket: a client address (IPv6 by /64), a tenant, or what `rateLimitKey()` of `server/scale.config.ts` returns, such as a user's id.
   * @default 'address'
   */
  key?: RateLimitKey
  /**
   * Methods that count. Default: all.
   * @default []
   */
  methods?: readonly string[]
  /**
   * Counts and reports denials, but lets every request through: to try a limit out.
   * @default false
   */
  shadow?: boolean
  /**
   * What decides while Redis is gone.
   * @default 'memory'
   */
  fallback?: Fallback
}

/** `scale.rateLimit`: how much of the app one caller may use, over all instances. */
export interface RateLimitModuleOptions {
  /**
   * Limits by path: `*` stands for a part between slashes, `/**` at the end for all below. The most specific pattern decides; `false` exempts its paths.
   * A limit holds for every spelling of its paths, in any case where a page answers.
   * @default {}
   */
  rules?: Record<string, false | RateLimitRule>
  /**
   * Addresses and ranges of the proxies in front: `X-Forwarded-For` is read from the right through them. `'unix'` stands for a proxy on a UNIX socket.
   * Without any the other end of the socket is the client.
   * @default []
   * @env NUXT_SCALE_RATE_LIMIT_TRUSTED_PROXIES a list in JSON
   */
  trustedProxies?: readonly string[]
  /**
   * How long Redis may take for one decision.
   * @default '75ms'
   * @env NUXT_SCALE_RATE_LIMIT_TIMEOUT
   */
  timeout?: Duration
  /**
   * Instances that share the limits while Redis is gone: each allows that part.
   * @default 1
   * @env NUXT_SCALE_RATE_LIMIT_REPLICAS
   */
  replicas?: number
  /**
   * Whether answers bear `RateLimit-Policy` and `RateLimit`.
   * @default true
   * @env NUXT_SCALE_RATE_LIMIT_HEADERS
   */
  headers?: boolean
}

export const rateLimitDefaults: Required<RateLimitModuleOptions> = { rules: {}, trustedProxies: [], timeout: '75ms', replicas: 1, headers: true }

/** One limit, checked. */
export interface RateLimit {
  /** Names its buckets and its header. */
  name: string
  /** The name as its headers write it. */
  label: string
  /** What `RateLimit-Policy` says of it. */
  policy: string
  bucket: Bucket
  cost: number
  key: RateLimitKey
  /** Upper case; empty for all. */
  methods: readonly string[]
  shadow: boolean
  fallback: Fallback
}

export interface RateLimitSettings {
  /** By path pattern. */
  rules: ReadonlyMap<string, RateLimit | false>
  trusts: (address: string | undefined) => boolean
  /** Milliseconds. */
  timeout: number
  replicas: number
  headers: boolean
}

const OPTION = 'scale.rateLimit'
const RULE = { limit: 0, window: 1, burst: 0, cost: 1, key: 'address', methods: [], shadow: false, fallback: 'memory' }

/** @throws Error naming the option that is wrong */
export function resolveRateLimitSettings(options: RateLimitModuleOptions): RateLimitSettings {
  refuseOtherThanObject(options, OPTION)
  refuseUnknownKeys(options, Object.keys(rateLimitDefaults), OPTION)
  const given = { ...rateLimitDefaults, ...options }
  const rules = parseObject(given.rules, `${OPTION}.rules`)
  checkPathPatterns(Object.keys(rules), `${OPTION}.rules`)
  return {
    rules: new Map(Object.entries(rules).map(([pattern, rule]) =>
      [pattern, rule === false ? false : resolveRateLimit(pattern, rule as RateLimitRule, `${OPTION}.rules['${pattern}']`)])),
    trusts: compileProxies(given.trustedProxies),
    timeout: parseDuration(given.timeout, `${OPTION}.timeout`),
    replicas: parseCount(given.replicas, `${OPTION}.replicas`),
    headers: parseSwitch(given.headers, `${OPTION}.headers`),
  }
}

/**
 * @param name of the rule
 * @param path where it is written, for the error
 * @throws Error naming what is wrong
 */
export function resolveRateLimit(name: string, rule: RateLimitRule, path: string): RateLimit {
  parseObject(rule, path)
  refuseUnknownKeys(rule, Object.keys(RULE), path)
  const limit = parseCount(rule.limit, `${path}.limit`)
  const window = parseDuration(rule.window ?? RULE.window, `${path}.window`)
  if (window < 1) throw new TypeError(`${path}.window is ${JSON.stringify(rule.window)}: write a time of at least '1ms'.`)
  const bucket = bucketOf(limit, window * 1000, parseCount(rule.burst ?? limit - 1, `${path}.burst`, 0))
  if (bucket.capacity > Number.MAX_SAFE_INTEGER / 4) throw new TypeError(`${path} remembers more than a hundred years: write a shorter window or a smaller burst.`)
  const cost = parseCount(rule.cost ?? RULE.cost, `${path}.cost`)
  if (cost * bucket.interval > bucket.capacity) throw new TypeError(`${path}.cost is ${cost}, more than 1 + burst, so that no request would ever pass: write a smaller cost or a larger burst.`)
  const { methods = [] } = rule
  if (!Array.isArray(methods) || methods.some(method => typeof method !== 'string')) throw new TypeError(`${path}.methods is ${JSON.stringify(methods)}: write a list of methods, such as ['POST'].`)
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

/** Whether a rule counts requests of this method, which is in upper case. */
export function countsMethod({ methods }: RateLimit, method: string): boolean {
  return methods.length === 0 || methods.includes(method)
}

/** Of the rules of two readings of one path, the one that counts this method, and the slower one of two that do. */
export function stricterRateLimit(one: RateLimit | undefined, other: RateLimit | undefined, method: string): RateLimit | undefined {
  const counting = [one, other].filter(rule => rule !== undefined && countsMethod(rule, method)) as RateLimit[]
  return counting.sort((left, right) => right.bucket.interval * right.cost - left.bucket.interval * left.cost || left.bucket.capacity - right.bucket.capacity)[0]
}

/** Whoever is believed everywhere could write any address, so that there is no `'any'` here. */
function compileProxies(proxies: readonly string[]): (address: string | undefined) => boolean {
  if (!Array.isArray(proxies)) throw new TypeError(`${OPTION}.trustedProxies is ${JSON.stringify(proxies)}: write a list of addresses and ranges, such as ['10.0.0.0/8'].`)
  const overSocket = proxies.includes('unix')
  const trusts = compileTrustedAddresses(proxies.filter(proxy => proxy !== 'unix'), `${OPTION}.trustedProxies`)
  return address => address === undefined ? overSocket : trusts(address)
}

/** A string of a structured field holds printable ASCII only (RFC 8941 §3.3.3). */
function quoted(name: string): string {
  return `"${name.replace(/[^\x20-\x7E]/g, '?').replace(/["\\]/g, '\\$&')}"`
}
