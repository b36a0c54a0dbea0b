/** `nuxt-scale/config`: the functions that nuxt.config cannot hold, with their types. */
import type { DatabaseFactory, DatabaseFactoryInput, DatabaseFactoryOptions } from './runtime/server/database/types'
import type { HealthFunctions } from './runtime/server/health/types'
import type { RateLimitFunctions } from './runtime/server/rate-limit/key'
import type { TenancyFunctions } from './runtime/server/tenancy/types'

export type { DatabaseFactory, DatabaseFactoryInput, DatabaseFactoryOptions } from './runtime/server/database/types'
export type { HealthCheckFunction, HealthCheckOptions, HealthLevel } from './runtime/server/health/types'
export type { TenantRecord } from './runtime/server/tenancy/types'

/**
 * The factory of `server/scale.database.ts`. What it makes is the type of every client that the module hands out.
 *
 * Write a plain function where you can: its client is made at the first call that wants one. An `async` one is run
 * before the first request, because `usePrisma()` cannot wait.
 *
 * @param factory makes one client; it must keep within `pool`
 * @param options what the module cannot know of a client of your own: see {@link DatabaseFactoryOptions}
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

/** What `server/scale.config.ts` can decide. */
export type ScaleConfig = TenancyFunctions & RateLimitFunctions & HealthFunctions

/**
 * The functions of `server/scale.config.ts`, typed.
 *
 * @example
 * ```ts
 * export default defineScaleConfig({ authorize: (event, tenantId) => event.context.user?.tenants.includes(tenantId) ?? false })
 * ```
 */
export function defineScaleConfig<const Config extends ScaleConfig>(config: Config): Config {
  return config
}
