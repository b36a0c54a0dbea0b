import type { DeployModuleOptions } from './deploy/options'
import { resolveDeploySettings } from './deploy/settings'
import type { CacheModuleOptions } from './runtime/server/cache/settings'
import { cacheSettings } from './runtime/server/cache/settings'
import type { DatabaseModuleOptions } from './runtime/server/database/settings'
import { databaseSettings } from './runtime/server/database/settings'
import { isName } from './runtime/server/core/database-address'
import type { Complete, FeatureSettings } from './runtime/server/core/feature-settings'
import type { HealthModuleOptions } from './runtime/server/health/settings'
import { healthSettings } from './runtime/server/health/settings'
import type { HttpModuleOptions } from './runtime/server/http/settings'
import { httpSettings } from './runtime/server/http/settings'
import { checkPurgeOptions } from './runtime/server/http/purge/settings'
import type { MetricsModuleOptions } from './runtime/server/metrics/settings'
import { metricsSettings } from './runtime/server/metrics/settings'
import type { LogModuleOptions } from './runtime/server/log/settings'
import { logSettings } from './runtime/server/log/settings'
import type { MonitoringModuleOptions } from './runtime/server/monitoring/settings'
import { monitoringSettings } from './runtime/server/monitoring/settings'
import type { RateLimitModuleOptions } from './runtime/server/rate-limit/settings'
import { rateLimitSettings } from './runtime/server/rate-limit/settings'
import type { RabbitmqModuleOptions } from './runtime/server/rabbitmq/settings'
import { listUrls, rabbitmqSettings } from './runtime/server/rabbitmq/settings'
import type { RedisRuntimeOptions } from './runtime/server/redis/runtime-options'
import { redisSettings } from './runtime/server/redis/settings'
import type { Role } from './runtime/server/core/instance'
import { DEFAULT_ROLE, parseRole } from './runtime/server/core/instance'
import { refuseUnknownKeys } from './runtime/server/core/settings'
import type { ShardsModuleOptions } from './runtime/server/shards/settings'
import { shardsSettings } from './runtime/server/shards/settings'
import type { ShutdownModuleOptions } from './runtime/server/shutdown/settings'
import { shutdownSettings } from './runtime/server/shutdown/settings'
import type { StorageModuleOptions } from './runtime/server/storage/settings'
import { storageSettings } from './runtime/server/storage/settings'
import type { TenancyModuleOptions } from './runtime/server/tenancy/settings'
import { tenancySettings } from './runtime/server/tenancy/settings'

export type {
  CacheModuleOptions,
  DatabaseModuleOptions,
  DeployModuleOptions,
  HealthModuleOptions,
  HttpModuleOptions,
  MetricsModuleOptions,
  LogModuleOptions,
  MonitoringModuleOptions,
  RabbitmqModuleOptions,
  RateLimitModuleOptions,
  RedisRuntimeOptions as RedisModuleOptions,
  Role,
  ShardsModuleOptions,
  ShutdownModuleOptions,
  StorageModuleOptions,
  TenancyModuleOptions,
}

/** Changes that the module makes to Nitro 2 in a production build. Each patch is on unless it is `false`. */
export interface NitroPatchOptions {
  /**
   * Calls Nitro hooks without capturing a stack trace for each call.
   * @default true
   */
  hooks?: boolean
  /**
   * Lets V8 allocate the functions of an event in its young generation, so that they do not keep finished requests in memory.
   * @default true
   */
  closures?: boolean
  /**
   * Compiles the server for ES2022 instead of Node 12, unless `nitro.esbuild.options.target` is set.
   * @default true
   */
  syntax?: boolean
  /**
   * Evaluates lazily loaded modules outside the request that loads them. Without it, a timer at the top of a file keeps the tenant of the
   * first request to that file. It applies if `tenancy`, `database` or `rabbitmq` is on.
   * @default true
   */
  lazyModules?: boolean
  /**
   * Adds a setter for `context` to all events, so that a new context keeps the tenant. Without it, the module guards each event separately,
   * which costs about 4 µs per request. It applies if `tenancy` is on.
   * @default true
   */
  eventContext?: boolean
}

/** Name of a patch. */
export type NitroPatch = keyof NitroPatchOptions

const NITRO_PATCHES = ['hooks', 'closures', 'syntax', 'lazyModules', 'eventContext'] as const satisfies readonly NitroPatch[]

/** The `scale` block of nuxt.config. Every option is optional. With no option set, everything runs inside the process of the app. */
export interface ModuleOptions {
  /**
   * Redis connection that all features share: one server, Sentinel or Cluster. The server connects if it finds an address when it starts:
   * in this option, in `NUXT_SCALE_REDIS_*`, or in `REDIS_URL`, `REDIS_HOST`, `REDIS_CLUSTER` or `REDIS_SENTINELS`.
   * `false` removes Redis from the build.
   * @default {}
   * @env NUXT_SCALE_REDIS_URL
   */
  redis?: false | RedisRuntimeOptions
  /**
   * Storage mounts: `useStorage('redis')` for Redis, and `useStorage('cache')` as a view of the cache. `false` turns them off.
   * @default {}
   */
  storage?: false | StorageModuleOptions
  /**
   * Cache of `cacheWithRedis`, of Nitro's cached handlers, functions and route rules, and of `nitroApp.cache`. `false` turns it off.
   * @default {}
   */
  cache?: false | CacheModuleOptions
  /**
   * HTTP caching: `Cache-Control` headers, conditional requests and CDN purges. Off by default; `http: {}` turns it on.
   * @default false
   */
  http?: false | HttpModuleOptions
  /**
   * Health checks: `GET /api/health`, and below it `/live`, `/ready` and `/startup`. `false` turns them off.
   * @default {}
   */
  health?: false | HealthModuleOptions
  /**
   * Graceful shutdown: finishes running requests within one time budget. Off by default; `shutdown: {}` turns it on.
   * @default false
   */
  shutdown?: false | ShutdownModuleOptions
  /**
   * Multi-tenancy: finds the tenant of each request, provides `useTenant` and `withTenant`, and gives each tenant its own cache keys.
   * Off by default; `tenancy: {}` turns it on.
   * @default false
   */
  tenancy?: false | TenancyModuleOptions
  /**
   * Database clients, which the factory in `server/scale.database.ts` creates within one connection budget.
   * Off by default; `database: {}` turns it on.
   * @default false
   */
  database?: false | DatabaseModuleOptions
  /**
   * Sharding: data spread over several databases, with `getShardForUser`, `getShardForKey`, `scatter` and others. It needs
   * `scale.database`. Off by default.
   * @default false
   */
  shards?: false | ShardsModuleOptions
  /**
   * Rate limits by path and caller, counted over all instances, and `consumeRateLimit` for limits inside a handler.
   * Off by default; `rateLimit: {}` turns it on.
   * @default false
   */
  rateLimit?: false | RateLimitModuleOptions
  /**
   * Messages over RabbitMQ: `useRabbit`, and the consumers in `server/consumers/`. Off by default; `rabbitmq: {}` turns it on.
   * @default false
   */
  rabbitmq?: false | RabbitmqModuleOptions
  /**
   * Metrics for Prometheus and OpenTelemetry, and `useMetrics` for those of the app. Off by default; `metrics: {}` turns it on.
   * @default false
   */
  metrics?: false | MetricsModuleOptions
  /**
   * Error tracking and performance monitoring in the browser, with their ingest route. Off by default; `monitoring: {}` turns it on.
   * @default false
   */
  monitoring?: false | MonitoringModuleOptions
  /**
   * Logs: an id for each request, and lines as JSON. Off by default; `log: {}` turns it on.
   * @default false
   */
  log?: false | LogModuleOptions
  /**
   * Work that an instance does: `web` answers requests, `worker` consumes messages, `all` does both.
   * `web` and `worker` need `scale.rabbitmq`.
   * @default 'all'
   * @env NUXT_SCALE_ROLE
   */
  role?: Role
  /**
   * Settings of the generated deployment files. Only `npx nuxt-scale nginx`, `haproxy`, `caddy`, `kubernetes`, `compose` and `diagram`
   * read them; they add nothing to the build.
   * @default {}
   */
  deploy?: DeployModuleOptions
  /**
   * Changes that the module makes to Nitro 2, by name. `false` turns all of them off. The build reads this option.
   * @default { hooks: true, closures: true, syntax: true, lazyModules: true, eventContext: true }
   */
  nitroPatches?: false | NitroPatchOptions
  /**
   * Secret that signs pagination cursors and the read-your-writes cookie. At least 16 characters, the same on every instance.
   * Set the environment variable: a production build rejects a secret in nuxt.config.
   * @default ''
   * @env NUXT_SCALE_SECRET
   */
  secret?: string
}

/** The options with every default filled in: the initial value of `runtimeConfig.scale`. Environment variables can override each value. */
export interface ResolvedOptions {
  redis: false | Complete<RedisRuntimeOptions>
  storage: false | Complete<StorageModuleOptions>
  cache: false | Complete<CacheModuleOptions>
  http: false | Complete<HttpModuleOptions>
  health: false | Complete<HealthModuleOptions>
  shutdown: false | Complete<ShutdownModuleOptions>
  tenancy: false | Complete<TenancyModuleOptions>
  database: false | Complete<DatabaseModuleOptions>
  shards: false | Complete<ShardsModuleOptions>
  rateLimit: false | Complete<RateLimitModuleOptions>
  rabbitmq: false | Complete<RabbitmqModuleOptions>
  metrics: false | Complete<MetricsModuleOptions>
  monitoring: false | Complete<MonitoringModuleOptions>
  log: false | Complete<LogModuleOptions>
  role: Role
  secret: string
}

/** Whether at least one feature is on. */
export function hasFeature({ role: _, secret: __, ...features }: ResolvedOptions): boolean {
  return Object.values(features).some(feature => feature !== false)
}

/** A feature of the module: its options, and whether it is on if they are not set. */
interface Feature {
  settings: FeatureSettings<object, unknown, never[]>
  onByDefault: boolean
}

type FeatureName = Exclude<keyof ResolvedOptions, 'role' | 'secret'>

const FEATURES = {
  redis: { settings: redisSettings, onByDefault: true },
  storage: { settings: storageSettings, onByDefault: true },
  cache: { settings: cacheSettings, onByDefault: true },
  http: { settings: httpSettings, onByDefault: false },
  health: { settings: healthSettings, onByDefault: true },
  shutdown: { settings: shutdownSettings, onByDefault: false },
  tenancy: { settings: tenancySettings, onByDefault: false },
  database: { settings: databaseSettings, onByDefault: false },
  shards: { settings: shardsSettings, onByDefault: false },
  rateLimit: { settings: rateLimitSettings, onByDefault: false },
  rabbitmq: { settings: rabbitmqSettings, onByDefault: false },
  metrics: { settings: metricsSettings, onByDefault: false },
  monitoring: { settings: monitoringSettings, onByDefault: false },
  log: { settings: logSettings, onByDefault: false },
} satisfies Record<FeatureName, Feature>

/**
 * Validates the options and fills in the defaults. It reads no environment variables and has no side effects.
 *
 * @throws Error with one sentence that names the wrong option and says what to write
 */
export function resolveOptions(options: ModuleOptions): ResolvedOptions {
  refuseUnknownKeys(options, [...Object.keys(FEATURES), 'role', 'deploy', 'nitroPatches', 'secret'], 'scale')
  const resolved = {
    ...resolveFeatures(options),
    role: parseRole(options.role ?? DEFAULT_ROLE),
    secret: options.secret ?? '',
  }
  resolveDeploySettings(options.deploy)
  for (const problemOf of RULES) {
    const problem = problemOf(resolved)
    if (problem !== undefined) throw new Error(problem)
  }
  return resolved
}

/** Walks the features. The table has an entry for every name, which the type of a walked object cannot say. */
function resolveFeatures(options: ModuleOptions): Pick<ResolvedOptions, FeatureName> {
  const features = Object.entries<Feature>(FEATURES).map(([name, feature]) =>
    [name, resolveFeature(feature, options[name as FeatureName], `scale.${name}`)])
  return Object.fromEntries(features) as Pick<ResolvedOptions, FeatureName>
}

function resolveFeature({ settings, onByDefault }: Feature, given: false | object | undefined, path: string): false | object {
  const options = objectOrFalse(given ?? (onByDefault ? {} : false), path)
  if (!options) return false
  const complete = settings.complete(options)
  settings.resolve(complete)
  return complete
}

/** Rules between features. Each returns its sentence if the options break it. */
const RULES = [purgeNeedsCache, shardsNeedDatabase, outboxNeedsDatabase, roleNeedsRabbitmq]

function purgeNeedsCache({ http, cache }: ResolvedOptions): string | undefined {
  if (!http || !http.purge) return undefined
  checkPurgeOptions(http.purge, http.cdn)
  if (cache) return undefined
  return 'scale.http.purge needs the cache, but scale.cache is false: remove scale.cache: false, or remove purge.'
}

function shardsNeedDatabase({ shards, database }: ResolvedOptions): string | undefined {
  if (!shards || database) return undefined
  return 'scale.shards needs scale.database, which creates the client of each shard: add database: {} to the scale block.'
}

function outboxNeedsDatabase({ rabbitmq, database }: ResolvedOptions): string | undefined {
  if (!rabbitmq || !rabbitmq.outbox || database) return undefined
  return 'scale.rabbitmq.outbox needs scale.database, which stores its messages: '
    + 'add database: {} to the scale block, or remove outbox.'
}

function roleNeedsRabbitmq({ rabbitmq, role }: ResolvedOptions): string | undefined {
  if (rabbitmq || role === DEFAULT_ROLE) return undefined
  return `scale.role is '${role}', which needs scale.rabbitmq: add rabbitmq: {} to the scale block, or remove the role.`
}

/**
 * Checks `scale.nitroPatches`. Returns for each patch whether it is on.
 *
 * @throws Error that names the wrong option
 */
export function resolveNitroPatches(given: false | NitroPatchOptions = {}): Record<NitroPatch, boolean> {
  const options = objectOrFalse(given, 'scale.nitroPatches')
  if (options) refuseUnknownKeys(options, [...NITRO_PATCHES], 'scale.nitroPatches')
  const isOn = (name: NitroPatch) => {
    const value = options ? options[name] ?? true : false
    if (typeof value !== 'boolean') {
      throw new TypeError(`scale.nitroPatches.${name} must be true or false, and is ${JSON.stringify(value)}.`)
    }
    return value
  }
  return Object.fromEntries(NITRO_PATCHES.map(name => [name, isOn(name)])) as Record<NitroPatch, boolean>
}

function objectOrFalse<Options extends object>(options: false | Options, path: string): false | Options {
  if (options === false || (typeof options === 'object' && options !== null)) return options
  throw new TypeError(`${path} is ${JSON.stringify(options)}: write false, or an object of options.`)
}

/**
 * Rejects options whose secret would be stored in the build.
 *
 * @throws Error that names the option and the environment variable to use instead
 */
export function refuseSecrets({ redis, http, health, tenancy, database, shards, rabbitmq, metrics, secret }: ResolvedOptions): void {
  const refuse = (option: string, variable?: string) => {
    const advice = variable
      ? `remove it from nuxt.config and set ${variable} where the server starts`
      : 'write the name of an environment variable here instead, and set that variable where the server starts'
    throw new Error(`scale.${option} contains a secret, which the build would store: ${advice}.`)
  }
  if (redis) {
    if (redis.password) refuse('redis.password', 'NUXT_SCALE_REDIS_PASSWORD')
    if (redis.sentinelPassword) refuse('redis.sentinelPassword', 'NUXT_SCALE_REDIS_SENTINEL_PASSWORD')
    if (typeof redis.tls === 'object' && redis.tls.key) refuse('redis.tls.key', 'NUXT_SCALE_REDIS_TLS')
    if (hasPassword(redis.url)) refuse('redis.url', 'NUXT_SCALE_REDIS_URL')
  }
  if (http && http.purge && http.purge.token) refuse('http.purge.token', 'NUXT_SCALE_HTTP_PURGE_TOKEN')
  if (tenancy) {
    for (const [id, tenant] of Object.entries(tenancy.map)) {
      if (addressesIn(tenant).some(hasPassword)) refuse(`tenancy.map.${id}`)
    }
  }
  if (shards) {
    for (const [shard, source] of Object.entries(shards.map)) {
      if (addressesIn(source).some(hasPassword)) refuse(`shards.map.${shard}`)
    }
  }
  if (rabbitmq) {
    if (listUrls(rabbitmq.url).some(hasPassword)) refuse('rabbitmq.url', 'NUXT_SCALE_RABBITMQ_URL')
    if (rabbitmq.tls.key) refuse('rabbitmq.tls.key', 'NUXT_SCALE_RABBITMQ_TLS_KEY')
  }
  if (secret) refuse('secret', 'NUXT_SCALE_SECRET')
  if (database) {
    if (database.url && hasPassword(database.url)) refuse('database.url', 'NUXT_SCALE_DATABASE_URL')
    if ([database.replicas].flat().some(hasPassword)) refuse('database.replicas', 'NUXT_SCALE_DATABASE_REPLICAS')
  }
  if (metrics && metrics.token) refuse('metrics.token', 'NUXT_SCALE_METRICS_TOKEN')
  if (health && health.token) refuse('health.token', 'NUXT_SCALE_HEALTH_TOKEN')
}

function addressesIn(source: string | { url?: string, replicas?: string | readonly string[] }): string[] {
  return typeof source === 'string' ? [source] : [source.url ?? '', source.replicas ?? []].flat()
}

function hasPassword(address: string): boolean {
  return !isName(address) && /:\/\/[^:@]*:[^@]+@/.test(address)
}
