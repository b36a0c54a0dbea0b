import { parseUrl } from '../../runtime/server/database/redact'
import { isName } from '../../runtime/server/database-address'
import { CliFailure } from './exit'

/**
 * The URL that an option leads to. It is never part of an error.
 *
 * @param source name of an environment variable, or a URL
 * @param path the option, for the error
 * @throws CliFailure naming the variable that is not set
 */
export function readSource(source: string, env: NodeJS.ProcessEnv, path: string): string {
  const url = isName(source) ? env[source] : source
  if (!url) throw new CliFailure(`${path} names the environment variable ${source}, which is not set: set it, or write it into .env.`)
  parseUrl(url)
  return url
}
