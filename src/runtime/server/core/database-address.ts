/**
 * Parsing of options that contain the name of an environment variable or the address of a database.
 * Errors never show a wrong value, because it may contain a password.
 */

/** Returns whether this is the name of an environment variable and not an address. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z_]\w*$/i.test(value)
}

/** Returns the address that an option refers to; undefined if its variable is not set. */
export function addressOf(source: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  return (isName(source) ? env[source] : source) || undefined
}

/** Validates an address or the name of a variable. `''` means "not set". @throws TypeError for anything else */
export function checkAddress(value: unknown, path: string): string {
  if (typeof value === 'string' && (value === '' || isName(value) || /^[a-z][a-z\d+.-]*:/i.test(value))) return value
  throw new TypeError(`${path} must be the name of an environment variable or an address: write 'DATABASE_URL' or 'postgresql://…'.`)
}

/**
 * Parses read replicas from a list, or from a string with commas as in an environment variable.
 *
 * @throws TypeError naming the option
 */
export function parseReplicas(value: unknown, path: string): string[] {
  const list = typeof value === 'string' ? value.split(',').map(item => item.trim()).filter(Boolean) : value ?? []
  if (!Array.isArray(list)) throw new TypeError(`${path} must be a list: write ['DATABASE_URL_REPLICA'].`)
  return list.map(replica => checkAddress(replica, path))
}

/** Returns the addresses of replicas. Variables that are not set are left out. */
export function addressesOf(sources: readonly string[], env: NodeJS.ProcessEnv): string[] {
  return sources.map(source => addressOf(source, env)).filter(address => address !== undefined)
}
