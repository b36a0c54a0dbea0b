import { parseDuration } from '../core/duration'
import { parseChoice, parseObject, readSwitch, refuseOtherThanObject, refuseUnknownKeys } from '../core/settings'
import type { Duration } from '../core/duration'
import type { CheckedFeature } from '../core/health-checks'
import type { HealthLevel } from './types'

/** `scale.health`: routes that say whether this instance lives, and whether it can serve. */
export interface HealthModuleOptions {
  /**
   * Route of the whole picture; `/live`, `/ready` and `/startup` lie below it. Decided at build.
   * A handler of the app at one of these paths answers instead of the module.
   * @default '/api/health'
   */
  path?: string
  /**
   * Deadline of one check; past it the check has failed.
   * @default '1s'
   * @env NUXT_SCALE_HEALTH_TIMEOUT
   */
  timeout?: Duration
  /**
   * How long an answer is used again, so that many probes cost one check.
   * @default '1s'
   * @env NUXT_SCALE_HEALTH_CACHE_TTL
   */
  cacheTtl?: Duration
  /**
   * Who sees the single checks and the system information: nobody, callers with `Authorization: Bearer <token>`, everybody.
   * @default 'never'
   * @env NUXT_SCALE_HEALTH_DETAILS
   */
  details?: 'never' | 'token' | 'always'
  /**
   * The token for `details: 'token'`. Set it where the server starts.
   * @default ''
   * @env NUXT_SCALE_HEALTH_TOKEN
   */
  token?: string
  /**
   * What it means when something that a feature depends on fails: `'critical'`, this instance cannot serve (503); `'degraded'`, it serves all the same;
   * `false`, nobody looks. Only what is configured is looked at. A worker without RabbitMQ cannot serve in any case.
   * @env NUXT_SCALE_HEALTH_CHECKS_REDIS, NUXT_SCALE_HEALTH_CHECKS_DATABASE and so on
   */
  checks?: FeatureHealthLevels
  /**
   * Mean lateness of the event loop over ten seconds above which the process no longer counts as alive, so that it is restarted. `false`: no limit.
   * @default false
   * @env NUXT_SCALE_HEALTH_MAX_EVENT_LOOP_LAG
   */
  maxEventLoopLag?: false | Duration
}

/** The levels of the features' checks. */
export interface FeatureHealthLevels {
  /**
   * Every master. The cache and the limits do without Redis.
   * @default 'degraded'
   */
  redis?: false | HealthLevel
  /** @default 'degraded' */
  rabbitmq?: false | HealthLevel
  /**
   * The default database.
   * @default 'critical'
   */
  database?: false | HealthLevel
  /**
   * Each shard: one that is down is no reason to send the users of the others away.
   * @default 'degraded'
   */
  shards?: false | HealthLevel
  /**
   * The database of `scale.tenancy.default`.
   * @default 'degraded'
   */
  tenants?: false | HealthLevel
}

export const healthDefaults = {
  path: '/api/health',
  timeout: '1s',
  cacheTtl: '1s',
  details: 'never',
  token: '',
  checks: { redis: 'degraded', rabbitmq: 'degraded', database: 'critical', shards: 'degraded', tenants: 'degraded' },
  maxEventLoopLag: false,
} as const satisfies HealthModuleOptions

export interface HealthSettings {
  path: string
  timeout: number
  cacheTtl: number
  details: 'never' | 'token' | 'always'
  token: string
  checks: Record<CheckedFeature, false | HealthLevel>
  /** Undefined: no limit. */
  maxEventLoopLag: number | undefined
}

/** @throws Error naming the option that is wrong */
export function resolveHealthSettings(options: HealthModuleOptions = {}): HealthSettings {
  const option = 'scale.health'
  refuseOtherThanObject(options, option)
  refuseUnknownKeys(options, Object.keys(healthDefaults), option)
  const { path, timeout, cacheTtl, details, token, checks, maxEventLoopLag } = { ...healthDefaults, ...options }
  if (typeof path !== 'string' || !/^\/[^\s?#]*[^\s?#/]$/.test(path)) throw new TypeError(`${option}.path is ${JSON.stringify(path)}: write a path that begins with / and does not end with one, such as '/api/health'.`)
  return {
    path,
    timeout: parseDuration(timeout, `${option}.timeout`),
    cacheTtl: parseDuration(cacheTtl, `${option}.cacheTtl`),
    details: parseChoice(details, ['never', 'token', 'always'], `${option}.details`),
    token: String(token),
    checks: parseLevels(checks, `${option}.checks`),
    maxEventLoopLag: readSwitch(maxEventLoopLag) === false ? undefined : parseDuration(maxEventLoopLag as Duration, `${option}.maxEventLoopLag`),
  }
}

function parseLevels(given: unknown, path: string): HealthSettings['checks'] {
  const levels = parseObject(given, path)
  refuseUnknownKeys(levels, Object.keys(healthDefaults.checks), path)
  const entries = Object.entries({ ...healthDefaults.checks, ...levels })
  return Object.fromEntries(entries.map(([name, level]) =>
    [name, readSwitch(level) === false ? false : parseChoice(level, ['critical', 'degraded'], `${path}.${name}`)])) as HealthSettings['checks']
}
