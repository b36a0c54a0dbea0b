/** `nuxt-scale/config`: typed helpers for the functions of the app, which nuxt.config cannot contain. */
import type { DatabaseFactory, DatabaseFactoryInput, DatabaseFactoryOptions } from './runtime/server/database/types'
import type { HealthFunctions } from './runtime/server/health/types'
import type { MonitoringFunctions } from './runtime/server/monitoring/types'
import type { RateLimitFunctions } from './runtime/server/rate-limit/key'
import type { TenancyFunctions } from './runtime/server/tenancy/types'

export type { DatabaseFactory, DatabaseFactoryInput, DatabaseFactoryOptions } from './runtime/server/database/types'
export type { HealthCheckFunction, HealthCheckOptions, HealthLevel } from './runtime/server/health/types'
export type { ClientErrorGroup, PageTimings, SlowResource } from './runtime/server/monitoring/ring'
export type { ClientError, ClientVital, ReceivedClientError, ResolvedFrame } from './runtime/server/monitoring/types'
export type {
  CacheOperation, ConsumeOperation, DatabaseOperation, PublishOperation, ShardOperation,
} from './runtime/server/core/tracing-channels'
export type { TenantRecord } from './runtime/server/tenancy/types'

/**
 * Defines the factory of `server/scale.database.ts`. The clients of `usePrisma()` and its siblings have the type that the factory returns.
 *
 * Prefer a synchronous function: the module then creates the client when the app first uses it. The module calls an `async` factory
 * before the first request, because `usePrisma()` cannot wait for a promise.
 *
 * @param factory creates one client, which must not open more connections than `pool` allows
 * @param options how the module handles a client that does not come from `createPrismaClient`: see {@link DatabaseFactoryOptions}
 * @example
 * ```ts
 * export default defineScaleDatabase(({ url, schema, pool }) => createPrismaClient(PrismaClient, { url, schema, pool }))
 * ```
 */
export function defineScaleDatabase<Result>(
  factory: (input: DatabaseFactoryInput) => Result,
  options: DatabaseFactoryOptions<Result> = {},
): DatabaseFactory<Result> {
  return Object.assign(factory, options)
}

/** Functions that `server/scale.config.ts` can define. */
export type ScaleConfig = TenancyFunctions & RateLimitFunctions & HealthFunctions & MonitoringFunctions

/**
 * Defines the functions of `server/scale.config.ts`, and checks their types.
 *
 * @example
 * ```ts
 * export default defineScaleConfig({ authorize: (event, tenantId) => event.context.user?.tenants.includes(tenantId) ?? false })
 * ```
 */
export function defineScaleConfig<const Config extends ScaleConfig>(config: Config): Config {
  return config
}
