import { parseUrl } from '../../runtime/server/database/redact'
import { isName } from '../../runtime/server/core/database-address'
import { CliFailure } from './command'

/**
 * Returns the URL of an option. Errors never contain the URL.
 *
 * @param source name of an environment variable, or a URL
 * @param path the option, for the error
 * @throws CliFailure that names the variable that is not set
 */
export function readSource(source: string, env: NodeJS.ProcessEnv, path: string): string {
  if (!hasAddress(source, env)) throw new CliFailure(describeUnset({ source, path }))
  const url = isName(source) ? env[source]! : source
  parseUrl(url)
  return url
}

/** Whether the option contains a URL, or the name of a variable that is set. */
export function hasAddress(source: string, env: NodeJS.ProcessEnv): boolean {
  return Boolean(isName(source) ? env[source] : source)
}

/** Error message for an option whose environment variable is not set. */
export function describeUnset({ source, path }: { source: string, path: string }): string {
  return `${path} names the environment variable ${source}, which is not set: set it, or add it to .env.`
}
