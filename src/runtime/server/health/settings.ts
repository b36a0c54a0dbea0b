import { parseDuration } from '../core/duration'
import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseChoice, parseObject, readSwitch } from '../core/settings'
import type { Duration } from '../core/duration'
import type { CheckedFeature } from '../core/health-checks'
import type { HealthLevel } from './types'

/** `scale.health`: routes for health probes. They report whether the process is alive, has started and can serve requests. */
export interface HealthModuleOptions {
  /**
   * Route of the overall health; `/live`, `/ready` and `/startup` are below it. It is fixed at build time.
   * If the app has a handler at one of these paths, that handler answers.
   * @default '/api/health'
   */
  path?: string
  /**
   * Deadline of one check. A plain number is seconds. A check that takes longer has failed.
   * @default '1s'
   * @env NUXT_SCALE_HEALTH_TIMEOUT
   */
  timeout?: Duration
  /**
   * How long a report is reused, so that many probes cost one run of the checks. A plain number is seconds.
   * @default '1s'
   * @env NUXT_SCALE_HEALTH_CACHE_TTL
   */
  cacheTtl?: Duration
  /**
   * Which callers see the single checks and the system information: `'never'` for no caller, `'token'` for callers that send
   * `Authorization: Bearer <token>`, `'always'` for all callers.
   * @default 'never'
   * @env NUXT_SCALE_HEALTH_DETAILS
   */
  details?: 'never' | 'token' | 'always'
  /**
   * The token for `details: 'token'`. Set it in the environment of the server.
   * @default ''
   * @env NUXT_SCALE_HEALTH_TOKEN
   */
  token?: string
  /**
   * Levels of the checks of features. If a check fails, `'critical'` makes the instance not ready (503); with `'degraded'` it still serves.
   * `false` disables the check. Only configured features are checked. For a worker, RabbitMQ is always critical.
   * @default { redis: 'degraded', rabbitmq: 'degraded', database: 'critical', shards: 'degraded', tenants: 'degraded' }
   * @env NUXT_SCALE_HEALTH_CHECKS_REDIS, NUXT_SCALE_HEALTH_CHECKS_DATABASE and so on
   */
  checks?: FeatureHealthLevels
  /**
   * Mean lag of the event loop over ten seconds above which the liveness probe fails, so that the process is restarted.
   * A plain number is seconds. `false` disables the limit.
   * @default false
   * @env NUXT_SCALE_HEALTH_MAX_EVENT_LOOP_LAG
   */
  maxEventLoopLag?: false | Duration
}

/** Levels of the checks of features. */
interface FeatureHealthLevels {
  /**
   * Check of every Redis master. The cache and the rate limits also work without Redis.
   * @default 'degraded'
   */
  redis?: false | HealthLevel
  /**
   * Check of RabbitMQ.
   * @default 'degraded'
   */
  rabbitmq?: false | HealthLevel
  /**
   * Check of the default database.
   * @default 'critical'
   */
  database?: false | HealthLevel
  /**
   * Check of each shard. If one shard is down, the instance can still serve the users of the others.
   * @default 'degraded'
   */
  shards?: false | HealthLevel
  /**
   * Check of the database of `scale.tenancy.default`.
   * @default 'degraded'
   */
  tenants?: false | HealthLevel
}

/** Validated settings. All times are in milliseconds. */
export interface HealthSettings {
  path: string
  timeout: number
  cacheTtl: number
  details: 'never' | 'token' | 'always'
  token: string
  checks: Record<CheckedFeature, false | HealthLevel>
  /** Largest mean lag of the event loop; undefined for no limit. */
  maxEventLoopLag: number | undefined
}

const OPTION = 'scale.health'

/** The options of `scale.health`. */
export const healthSettings = defineSettings({
  path: OPTION,
  defaults: {
    path: '/api/health',
    timeout: '1s',
    cacheTtl: '1s',
    details: 'never',
    token: '',
    checks: { redis: 'degraded', rabbitmq: 'degraded', database: 'critical', shards: 'degraded', tenants: 'degraded' },
    maxEventLoopLag: false,
  },
  resolve: resolveHealth,
})

function resolveHealth(options: Complete<HealthModuleOptions>): HealthSettings {
  const { path, timeout, cacheTtl, details, token, checks, maxEventLoopLag } = options
  if (typeof path !== 'string' || !/^\/[^\s?#]*[^\s?#/]$/.test(path)) {
    throw new TypeError(
      `${OPTION}.path is ${JSON.stringify(path)}: write a path that begins with / and does not end with one, such as '/api/health'.`,
    )
  }
  return {
    path,
    timeout: parseDuration(timeout, `${OPTION}.timeout`),
    cacheTtl: parseDuration(cacheTtl, `${OPTION}.cacheTtl`),
    details: parseChoice(details, ['never', 'token', 'always'], `${OPTION}.details`),
    token: String(token),
    checks: parseLevels(checks, `${OPTION}.checks`),
    maxEventLoopLag: readSwitch(maxEventLoopLag) === false
      ? undefined
      : parseDuration(maxEventLoopLag as Duration, `${OPTION}.maxEventLoopLag`),
  }
}

function parseLevels(given: unknown, path: string): HealthSettings['checks'] {
  const levels = parseObject(given, path)
  return Object.fromEntries(Object.entries(levels).map(([name, level]) =>
    [
      name,
      readSwitch(level) === false ? false : parseChoice(level, ['critical', 'degraded'], `${path}.${name}`),
    ])) as HealthSettings['checks']
}
