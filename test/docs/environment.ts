import { snakeCase } from 'scule'
import { resolveOptions } from '../../src/options'

/** One variable that sets an option where the server starts. */
export interface OptionVariable {
  name: string
  /** The option below `scale`. */
  option: string
  /** Its default, as JSON; empty where there is none. */
  fallback: string
}

/** Every variable that Nitro reads into an option, by its rules: those of the options that the module resolves when everything is on. */
export function optionVariables(): OptionVariable[] {
  const { shards, ...options } = resolveOptions({
    http: { purge: {}, cdn: 'generic' },
    shutdown: {},
    tenancy: {},
    database: {},
    shards: { map: { eu: 'DATABASE_URL_EU' } },
    rateLimit: {},
    rabbitmq: { outbox: {} },
    metrics: {},
    monitoring: {},
    log: {},
  })
  return leavesOf({ ...options, shards: { ...shards, map: {} } }, []).map(([path, value]) => ({
    name: ['NUXT_SCALE', ...path.map(key => snakeCase(key).toUpperCase())].join('_'),
    option: path.join('.'),
    // Both are examples of the call above.
    fallback: value === '' || path.join('.') === 'http.cdn' ? '' : JSON.stringify(value),
  }))
}

function leavesOf(options: object, path: readonly string[]): [readonly string[], unknown][] {
  return Object.entries(options).flatMap(([key, value]) => {
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
    return isGroup ? leavesOf(value, [...path, key]) : [[[...path, key], value] as [readonly string[], unknown]]
  })
}

/** A row of the table in docs/content/7.environment.md. */
export function rowOf({ name, option, fallback }: OptionVariable): string {
  return `| \`${name}\` | \`${option}\` | ${fallback && `\`${fallback.replaceAll('|', '\\|')}\``} |`
}
