/** Properties of a database besides its address. */
export interface SourceDetails {
  schema?: string
  replicas?: string | readonly string[]
}

/** Returns the details of each database that is an object. They contain no secrets. */
export function detailsOf(map: object): Record<string, SourceDetails> {
  return Object.fromEntries(Object.entries(map).flatMap(([name, source]: [string, unknown]) => {
    if (typeof source !== 'object' || source === null) return []
    const { url: _, ...details } = source as { url?: string } & SourceDetails
    return [[name, details]]
  }))
}

/**
 * Restores the details of databases whose address came from an environment variable.
 * A variable that ends in the name of a tenant or a shard replaces the whole object by an address.
 * Without its schema, the app would look for the data in the wrong schema.
 *
 * @param map databases by name, after Nitro applied the variables. If it is not an object, it is returned unchanged
 */
export function withDetails<Map>(map: Map, details: Record<string, SourceDetails>): Map {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return map
  return Object.fromEntries(Object.entries(map).map(([name, source]) =>
    [name, typeof source === 'string' && Object.hasOwn(details, name) ? { ...details[name], url: source } : source])) as Map
}
