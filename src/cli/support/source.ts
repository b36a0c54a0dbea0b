import { parseUrl } from '../../runtime/server/database/redact'
import { isName } from '../../runtime/server/core/database-address'
import { CliFailure } from './exit'

/**
 * The URL that an option leads to. It is never part of an error.
 *
 * @param source name of an environment variable, or a URL
 * @param path the option, for the error
 * @throws CliFailure naming the variable that is not set
 */
export function readSource(source: string, env: NodeJS.ProcessEnv, path: string): string {
  if (!isSet(source, env)) throw new CliFailure(describeUnset({ source, path }))
  const url = isName(source) ? env[source]! : source
  parseUrl(url)
  return url
}

/** Whether an option leads to a URL. */
export function isSet(source: string, env: NodeJS.ProcessEnv): boolean {
  return Boolean(isName(source) ? env[source] : source)
}

/** One sentence about the variable that an option names and that is not set. */
export function describeUnset({ source, path }: { source: string, path: string }): string {
  return `${path} names the environment variable ${source}, which is not set: set it, or write it into .env.`
}
