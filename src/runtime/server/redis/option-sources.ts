import { variableOf } from '../core/environment-variable'
import type { RedisRuntimeOptions } from './runtime-options'
import type { SourcedValue } from './sourced-value'
import { isSet } from './sourced-value'

type Field = keyof RedisRuntimeOptions

/** Looks up a field in one place. Returns undefined if the field is not set there. */
export type FieldLookup = (field: Field) => SourcedValue | undefined

/** The places where a field can be set. */
export interface OptionSources {
  /** The field in the options or in its `NUXT_SCALE_REDIS_*` variable. */
  option: FieldLookup
  /** The field in its plain variable, such as `REDIS_URL`. */
  plain: FieldLookup
  /** The first of the two that is set. */
  either: FieldLookup
}

/** Plain environment variables of the fields, which other software uses too. `REDIS_CLUSTER` is a list or `true`. */
const PLAIN_NAMES: Partial<Record<Field, string>> = {
  url: 'REDIS_URL',
  host: 'REDIS_HOST',
  port: 'REDIS_PORT',
  username: 'REDIS_USERNAME',
  password: 'REDIS_PASSWORD',
  db: 'REDIS_DB',
  tls: 'REDIS_TLS',
  cluster: 'REDIS_CLUSTER',
  sentinels: 'REDIS_SENTINELS',
  name: 'REDIS_SENTINEL_NAME',
}

/**
 * Creates look-ups of fields. Each value comes with its origin, for error messages.
 *
 * @param options `runtimeConfig.scale.redis`, already overridden by `NUXT_SCALE_REDIS_*`
 * @param env the environment of the process
 */
export function createOptionSources(options: RedisRuntimeOptions, env: NodeJS.ProcessEnv): OptionSources {
  const option: FieldLookup = (field) => {
    const variable = variableOf(`scale.redis.${field}`)
    const value = options[field]
    const raw = env[variable]
    if (raw && (value === null || typeof value !== 'object')) {
      // Use the raw string: Nitro would parse a password such as 1e5 or null into another value.
      return { value: raw, label: `scale.redis.${field} (${variable})` }
    }
    return isSet(value) ? { value, label: raw ? `scale.redis.${field} (${variable})` : `scale.redis.${field}` } : undefined
  }
  const plain: FieldLookup = (field) => {
    const variable = PLAIN_NAMES[field]
    const value = variable && env[variable]
    // Kubernetes sets REDIS_PORT to tcp://… in every pod of a namespace that has a service called redis.
    if (!value || (field === 'port' && value.startsWith('tcp://'))) return undefined
    return { value, label: `scale.redis.${field} (${variable})` }
  }
  return { option, plain, either: field => option(field) ?? plain(field) }
}
