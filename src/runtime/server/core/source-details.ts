/** What is written of a database beside its address. */
export interface SourceDetails {
  schema?: string
  replicas?: string | readonly string[]
}

/** The details of each source that is an object. They hold nothing that an environment variable is for. */
export function detailsOf(map: object): Record<string, SourceDetails> {
  return Object.fromEntries(Object.entries(map).flatMap(([name, source]: [string, unknown]) => {
    if (typeof source !== 'object' || source === null) return []
    const { url: _, ...details } = source as { url?: string } & SourceDetails
    return [[name, details]]
  }))
}

/**
 * Gives sources their details back. A variable whose name ends in that of a tenant or a shard holds an address, which takes the place of the whole
 * source: without its schema, its data would be looked for in another place of the database.
 *
 * @param map as the variables left it; what is no object is given back as it is
 */
export function withDetails<Map>(map: Map, details: Record<string, SourceDetails>): Map {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return map
  return Object.fromEntries(Object.entries(map).map(([name, source]) => [name, typeof source === 'string' && Object.hasOwn(details, name) ? { ...details[name], url: source } : source])) as Map
}
