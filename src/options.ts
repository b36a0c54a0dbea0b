import type { DeployModuleOptions } from './deploy/options'
import { resolveDeploySettings } from './deploy/settings'
import type { CacheModuleOptions } from './runtime/server/cache/settings'
import { cacheDefaults, resolveCacheSettings } from './runtime/server/cache/settings'
import type { DatabaseModuleOptions } from './runtime/server/database/settings'
import { databaseDefaults, resolveDatabaseSettings } from './runtime/server/database/settings'
import { isName } from './runtime/server/core/database-address'
import type { HealthModuleOptions } from './runtime/server/health/settings'
import { healthDefaults, resolveHealthSettings } from './runtime/server/health/settings'
import type { HttpModuleOptions } from './runtime/server/http/settings'
import { httpDefaults, resolveHttpSettings } from './runtime/server/http/settings'
import { checkPurgeOptions, httpPurgeDefaults } from './runtime/server/http/purge/settings'
import type { RateLimitModuleOptions } from './runtime/server/rate-limit/settings'
import { rateLimitDefaults, resolveRateLimitSettings } from './runtime/server/rate-limit/settings'
import type { RabbitmqModuleOptions } from './runtime/server/rabbitmq/settings'
import { listUrls, rabbitmqDefaults, resolveRabbitmqSettings } from './runtime/server/rabbitmq/settings'
import type { RedisRuntimeOptions } from './runtime/server/redis/runtime-options'
import { redisDefaults } from './runtime/server/redis/runtime-options'
import { resolveRedisSettings } from './runtime/server/redis/settings'
import type { Role } from './runtime/server/core/role'
import { DEFAULT_ROLE, parseRole } from './runtime/server/core/role'
import { refuseUnknownKeys } from './runtime/server/core/settings'
import type { ShardsModuleOptions } from './runtime/server/shards/settings'
import { resolveShardsSettings, shardsDefaults } from './runtime/server/shards/settings'
import type { ShutdownModuleOptions } from './runtime/server/shutdown/settings'
import { resolveShutdownSettings, shutdownDefaults } from './runtime/server/shutdown/settings'
import type { StorageModuleOptions } from './runtime/server/storage/settings'
import { resolveStorageSettings, storageDefaults } from './runtime/server/storage/settings'
import type { TenancyModuleOptions } from './runtime/server/tenancy/settings'
import { resolveTenancySettings, tenancyDefaults } from './runtime/server/tenancy/settings'

export type { CacheModuleOptions, DatabaseModuleOptions, DeployModuleOptions, HealthModuleOptions, HttpModuleOptions, RabbitmqModuleOptions, RateLimitModuleOptions, RedisRuntimeOptions as RedisModuleOptions, Role, ShardsModuleOptions, ShutdownModuleOptions, StorageModuleOptions, TenancyModuleOptions }

/** What the module changes of Nitro 2 in a production build. Each patch is on unless it is `false`. */
export interface NitroPatchOptions {
  /**
   * Hooks are called without capturing a stack for each call.
   * @default true
   */
  hooks?: boolean
  /**
   * The functions of an event are allocated in V8's young generation.
   * @default true
   */
  closures?: boolean
  /**
   * The server is compiled for ES2022 instead of Node 12, unless `nitro.esbuild.options.target` is set.
   * @default true
   */
  syntax?: boolean
  /**
   * Lazily loaded modules are evaluated outside of the request that loads them. Without it, a timer at the top of a file keeps the tenant of
   * the first request to that file. It applies when `tenancy`, `database` or `rabbitmq` is on.
   * @default true
   */
  lazyModules?: boolean
  /**
   * Events have a setter for `context`, so that a new context keeps the tenant. Without it each event is guarded one by one, which costs about
   * 4 µs a request. It applies when `tenancy` is on.
   * @default true
   */
  eventContext?: boolean
}

/** Name of a patch. */
export type NitroPatch = keyof NitroPatchOptions

const NITRO_PATCHES = ['hooks', 'closures', 'syntax', 'lazyModules', 'eventContext'] as const satisfies readonly NitroPatch[]

/** The `scale:` block of nuxt.config. Everything is optional; with nothing set the app runs embedded in its process. */
export interface ModuleOptions {
  /**
   * The one Redis connection of all features: a server, Sentinels or a Cluster. On when an address is found where the server starts:
   * here, in `NUXT_SCALE_REDIS_*`, or in `REDIS_URL`, `REDIS_HOST`, `REDIS_CLUSTER`, `REDIS_SENTINELS` and their siblings. `false` leaves it out of the build.
   * @env NUXT_SCALE_REDIS_URL
   */
  redis?: false | RedisRuntimeOptions
  /** Storage mounts: `useStorage('redis')`, and `useStorage('cache')` as a view of the cache. */
  storage?: false | StorageModuleOptions
  /** The cache behind `cacheWithRedis`, Nitro's cached handlers and functions, route rules and `nitroApp.cache`. */
  cache?: false | CacheModuleOptions
  /** Who may cache which response, and conditional requests. Off until this key is present. */
  http?: false | HttpModuleOptions
  /** `GET /api/health`, and below it `/live`, `/ready` and `/startup`. */
  health?: false | HealthModuleOptions
  /** An end without a lost request: draining, keep-alive, one budget for everything. Off until this key is present. */
  shutdown?: false | ShutdownModuleOptions
  /** Which tenant a request belongs to: `useTenant`, `withTenant`, and caches that keep tenants apart. Off until it is present. */
  tenancy?: false | TenancyModuleOptions
  /** Database clients from the factory in `server/scale.database.ts`, under one budget of connections. Off until this key is present. */
  database?: false | DatabaseModuleOptions
  /** Data spread over several databases: `getShardForUser`, `scatter` and their siblings. Off until this key is present. */
  shards?: false | ShardsModuleOptions
  /** Limits by path and caller, over all instances: `consumeRateLimit` for a handler's own. Off until this key is present. */
  rateLimit?: false | RateLimitModuleOptions
  /** Messages over RabbitMQ: `useRabbit`, and the consumers of `server/consumers/`. Off until this key is present. */
  rabbitmq?: false | RabbitmqModuleOptions
  /**
   * What an instance does: answer requests (`web`), take messages (`worker`), or both (`all`). It needs `scale.rabbitmq`.
   * @default 'all'
   * @env NUXT_SCALE_ROLE
   */
  role?: Role
  /** What stands around the app: `npx nuxt-scale nginx`, `haproxy`, `caddy`, `kubernetes`, `compose` and `diagram` read it. It adds nothing to the build. */
  deploy?: DeployModuleOptions
  /**
   * What the module changes of Nitro 2, each patch by its name. `false` turns all of them off. It is read when the app is built.
   * @default { hooks: true, closures: true, syntax: true, lazyModules: true, eventContext: true }
   */
  nitroPatches?: false | NitroPatchOptions
  /**
   * Signs cursors and the cookie of read-your-writes, by a key for each. At least 16 characters. Set it where the server starts, the same for all instances.
   * @default ''
   * @env NUXT_SCALE_SECRET
   */
  secret?: string
}

/** The options with every default filled in. This is what `runtimeConfig.scale` begins as; the environment can override each value. */
export interface ResolvedOptions {
  redis: false | Required<RedisRuntimeOptions>
  storage: false | Required<StorageModuleOptions>
  cache: false | Required<CacheModuleOptions>
  http: false | Required<HttpModuleOptions>
  health: false | Required<HealthModuleOptions>
  shutdown: false | Required<ShutdownModuleOptions>
  tenancy: false | Required<TenancyModuleOptions>
  database: false | Required<DatabaseModuleOptions>
  shards: false | Required<ShardsModuleOptions>
  rateLimit: false | Required<RateLimitModuleOptions>
  rabbitmq: false | Required<RabbitmqModuleOptions>
  role: Role
  secret: string
}

/** Whether anything of the module is on. */
export function hasFeature({ role: _, secret: __, ...features }: ResolvedOptions): boolean {
  return Object.values(features).some(feature => feature !== false)
}

/**
 * Checks the options and fills in the defaults. Pure: reads no environment and writes nothing.
 *
 * @throws Error one sentence that names the wrong option and says what to write
 */
export function resolveOptions(options: ModuleOptions): ResolvedOptions {
  refuseUnknownKeys(options, ['redis', 'storage', 'cache', 'http', 'health', 'shutdown', 'tenancy', 'database', 'shards', 'rateLimit', 'rabbitmq', 'role', 'deploy', 'nitroPatches', 'secret'], 'scale')
  const redis = feature(options.redis, 'scale.redis')
  const storage = feature(options.storage, 'scale.storage')
  const cache = feature(options.cache, 'scale.cache')
  const http = feature(options.http ?? false, 'scale.http')
  const health = feature(options.health, 'scale.health')
  const shutdown = feature(options.shutdown ?? false, 'scale.shutdown')
  const tenancy = feature(options.tenancy ?? false, 'scale.tenancy')
  const database = feature(options.database ?? false, 'scale.database')
  const shards = feature(options.shards ?? false, 'scale.shards')
  const rateLimit = feature(options.rateLimit ?? false, 'scale.rateLimit')
  const rabbitmq = feature(options.rabbitmq ?? false, 'scale.rabbitmq')
  const role = parseRole(options.role ?? DEFAULT_ROLE)
  if (redis) {
    refuseUnknownKeys(redis, Object.keys(redisDefaults), 'scale.redis')
    resolveRedisSettings(redis, {})
  }
  if (storage) resolveStorageSettings(storage)
  if (cache) resolveCacheSettings(cache)
  if (http) resolveHttpSettings(http)
  if (http && http.purge) {
    checkPurgeOptions(http.purge, http.cdn)
    if (!cache) throw new Error('scale.http.purge follows the invalidations of the cache, and scale.cache is false: turn it on, or take purge out.')
  }
  if (health) resolveHealthSettings(health)
  if (shutdown) resolveShutdownSettings(shutdown)
  if (tenancy) resolveTenancySettings(tenancy)
  if (database) resolveDatabaseSettings(database)
  if (shards) resolveShardsSettings(shards)
  if (rateLimit) resolveRateLimitSettings(rateLimit)
  if (rabbitmq) resolveRabbitmqSettings(rabbitmq, {})
  resolveDeploySettings(options.deploy)
  if (shards && !database) throw new Error('scale.shards needs scale.database, whose factory makes the client of each shard: add database: {} to the scale block.')
  if (rabbitmq && rabbitmq.outbox && !database) {
    throw new Error('scale.rabbitmq.outbox needs scale.database, in whose databases it keeps messages: add database: {} to the scale block, or remove outbox.')
  }
  if (!rabbitmq && role !== DEFAULT_ROLE) throw new Error(`scale.role is '${role}', and scale.rabbitmq is off, so there is nothing to share out: add rabbitmq: {} to the scale block, or leave the role out.`)
  return {
    redis: redis && { ...redisDefaults, ...redis },
    storage: storage && { ...storageDefaults, ...storage },
    cache: cache && { ...cacheDefaults, ...cache, l1: cache.l1 === false ? false : { ...cacheDefaults.l1, ...cache.l1 } },
    http: http && { ...httpDefaults, ...http, purge: http.purge ? { ...httpPurgeDefaults, ...http.purge } : false },
    health: health && { ...healthDefaults, ...health, checks: { ...healthDefaults.checks, ...health.checks } },
    shutdown: shutdown && { ...shutdownDefaults, ...shutdown },
    tenancy: tenancy && { ...tenancyDefaults, ...tenancy },
    database: database && { ...databaseDefaults, ...database, pool: { ...databaseDefaults.pool, ...database.pool } },
    shards: shards && { ...shardsDefaults, ...shards },
    rateLimit: rateLimit && { ...rateLimitDefaults, ...rateLimit },
    rabbitmq: rabbitmq && {
      ...rabbitmqDefaults,
      ...rabbitmq,
      tls: { ...rabbitmqDefaults.tls, ...rabbitmq.tls },
      buffer: { ...rabbitmqDefaults.buffer, ...rabbitmq.buffer },
      retry: { ...rabbitmqDefaults.retry, ...rabbitmq.retry },
      queue: { ...rabbitmqDefaults.queue, ...rabbitmq.queue },
    },
    role,
    secret: options.secret ?? '',
  }
}

/**
 * Checks `scale.nitroPatches`. Returns for each patch whether it is on.
 *
 * @throws Error that names the wrong option
 */
export function resolveNitroPatches(given: false | NitroPatchOptions = {}): Record<NitroPatch, boolean> {
  const options = feature(given, 'scale.nitroPatches')
  if (options) refuseUnknownKeys(options, [...NITRO_PATCHES], 'scale.nitroPatches')
  const isOn = (name: NitroPatch) => {
    const value = options ? options[name] ?? true : false
    if (typeof value !== 'boolean') throw new TypeError(`scale.nitroPatches.${name} must be true or false, and is ${JSON.stringify(value)}.`)
    return value
  }
  return Object.fromEntries(NITRO_PATCHES.map(name => [name, isOn(name)])) as Record<NitroPatch, boolean>
}

function feature<Options extends object>(options: false | Options | undefined, path: string): false | Options {
  if (options === undefined) return {} as Options
  if (options === false || (typeof options === 'object' && options !== null)) return options
  throw new TypeError(`${path} is ${JSON.stringify(options)}: write false, or an object of options.`)
}

/**
 * Refuses what would leave a secret in the build.
 *
 * @throws Error naming the option and the environment variable to use instead
 */
export function refuseSecrets({ redis, http, health, tenancy, database, shards, rabbitmq, secret }: ResolvedOptions): void {
  const refuse = (option: string, variable: string) => {
    throw new Error(`scale.${option} holds a secret, which the build would keep: take it out of nuxt.config and set ${variable} where the server starts.`)
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
      if (addressesIn(tenant).some(hasPassword)) refuse(`tenancy.map.${id}`, 'an environment variable of your own, whose name you write here,')
    }
  }
  if (shards) {
    for (const [shard, source] of Object.entries(shards.map)) {
      if (addressesIn(source).some(hasPassword)) refuse(`shards.map.${shard}`, 'an environment variable of your own, whose name you write here,')
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
  if (health && health.token) refuse('health.token', 'NUXT_SCALE_HEALTH_TOKEN')
}

function addressesIn(source: string | { url?: string, replicas?: string | readonly string[] }): string[] {
  return typeof source === 'string' ? [source] : [source.url ?? '', source.replicas ?? []].flat()
}

function hasPassword(address: string): boolean {
  return !isName(address) && /:\/\/[^:@]*:[^@]+@/.test(address)
}
