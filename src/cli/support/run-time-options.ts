import { destr } from 'destr'
import { snakeCase } from 'scule'
import type { ModuleOptions, ResolvedOptions } from '../../options'
import { resolveOptions } from '../../options'
import { detailsOf, withDetails } from '../../runtime/server/core/source-details'

/**
 * Returns the options as the server sees them: nuxt.config with every default, overridden by the `NUXT_SCALE_*` variables.
 * The variables are read by the rules of Nitro's runtime config.
 *
 * @throws Error with one sentence that names the wrong option
 */
export function runTimeOptions(options: ModuleOptions, env: NodeJS.ProcessEnv): ResolvedOptions {
  const written = resolveOptions(options)
  const resolved = override(written, env, 'NUXT_SCALE') as ResolvedOptions
  return {
    ...resolved,
    tenancy: withDetailsOf(resolved.tenancy, written.tenancy),
    shards: withDetailsOf(resolved.shards, written.shards),
    // The secret stays a string: `destr` would convert a secret such as 1e5 to a number.
    secret: env.NUXT_SCALE_SECRET || resolved.secret,
  }
}

function withDetailsOf<Feature extends false | { map: object }>(feature: Feature, written: Feature): Feature {
  return feature && written ? { ...feature, map: withDetails(feature.map, detailsOf(written.map)) } : feature
}

function override(options: object, env: NodeJS.ProcessEnv, prefix: string): object {
  return Object.fromEntries(Object.entries(options).map(([key, value]) => {
    const variable = `${prefix}_${snakeCase(key).toUpperCase()}`
    const given = destr<unknown>(env[variable])
    if (!isObject(value)) return [key, given ?? value]
    if (isObject(given)) return [key, override({ ...value, ...given }, env, variable)]
    return [key, given ?? override(value, env, variable)]
  }))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
