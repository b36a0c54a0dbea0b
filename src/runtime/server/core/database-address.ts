/** Databases as options name them: by an environment variable or by address. What is wrong may hold a password, so no error shows it. */

/** Is this the name of an environment variable, and no address? */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z_]\w*$/i.test(value)
}

/** The address that an option leads to; undefined when the environment holds none. */
export function addressOf(source: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  return (isName(source) ? env[source] : source) || undefined
}

/** @throws TypeError for what is neither a name nor an address; `''` is «not set» */
export function checkAddress(value: unknown, path: string): string {
  if (typeof value === 'string' && (value === '' || isName(value) || /^[a-z][a-z\d+.-]*:/i.test(value))) return value
  throw new TypeError(`${path} is neither the name of an environment variable nor an address: write 'DATABASE_URL' or 'postgresql://…'.`)
}

/**
 * Read replicas: a list, or one text with commas, as the environment has it.
 *
 * @throws TypeError naming the option
 */
export function parseReplicas(value: unknown, path: string): string[] {
  const list = typeof value === 'string' ? value.split(',').map(item => item.trim()).filter(Boolean) : value ?? []
  if (!Array.isArray(list)) throw new TypeError(`${path} is no list: write ['DATABASE_URL_REPLICA'].`)
  return list.map(replica => checkAddress(replica, path))
}

/** The addresses of replicas. A variable that is not set names none. */
export function addressesOf(sources: readonly string[], env: NodeJS.ProcessEnv): string[] {
  return sources.map(source => addressOf(source, env)).filter(address => address !== undefined)
}
