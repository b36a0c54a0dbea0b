import { destr } from 'destr'
import type { ModuleOptions, ResolvedOptions } from '../../options'
import { resolveOptions } from '../../options'
import { variableOf } from '../../runtime/server/core/environment-variable'
import { detailsOf, withDetails } from '../../runtime/server/core/source-details'

/**
 * Returns the options as the server sees them: nuxt.config with every default, overridden by the `NUXT_SCALE_*` variables.
 * The variables are read by the rules of Nitro's runtime config.
 *
 * @throws Error with one sentence that names the wrong option
 */
export function runTimeOptions(options: ModuleOptions, env: NodeJS.ProcessEnv): ResolvedOptions {
  const written = resolveOptions(options)
  const resolved = override(written, env, 'scale') as ResolvedOptions
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

/** @param path path of the options, from `scale` */
function override(options: object, env: NodeJS.ProcessEnv, path: string): object {
  return Object.fromEntries(Object.entries(options).map(([key, value]) => {
    const option = `${path}.${key}`
    const given = destr<unknown>(env[variableOf(option)])
    if (!isObject(value)) return [key, given ?? value]
    if (isObject(given)) return [key, override({ ...value, ...given }, env, option)]
    return [key, given ?? override(value, env, option)]
  }))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
