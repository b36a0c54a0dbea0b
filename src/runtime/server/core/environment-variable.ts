import { snakeCase } from 'scule'

/**
 * Returns the environment variable of an option: that of `scale.redis.commandTimeout` is `NUXT_SCALE_REDIS_COMMAND_TIMEOUT`.
 *
 * Nitro reads these variables into the runtime config when the server starts, and they override nuxt.config. It parses values as JSON
 * where it can. The command line reads them in `cli/support/run-time-options`, by the same rule.
 *
 * @param option path of the option, from `scale`
 * @see https://nuxt.com/docs/guide/going-further/runtime-config#environment-variables
 */
export function variableOf(option: string): string {
  return `NUXT_${option.split('.').map(name => snakeCase(name)).join('_').toUpperCase()}`
}
