/** Methods that close the connections of a client: of Prisma, pg and Postgres.js, most drivers, and Knex. */
export const DISPOSERS = ['$disconnect', 'end', 'close', 'destroy'] as const

type Fields = Record<PropertyKey, unknown>

/**
 * Finds the function that closes the connections of a client: `dispose` of the factory, a method of the client, or a method of the
 * driver below a Drizzle client (`$client`). Undefined if there is none.
 */
export function disposerOf(client: unknown, dispose?: (client: never) => unknown): (() => unknown) | undefined {
  if (dispose) return () => dispose(client as never)
  for (const holder of [client, fieldsOf(client)?.$client]) {
    const fields = fieldsOf(holder)
    const name = fields && [...DISPOSERS, Symbol.asyncDispose].find(candidate => typeof fields[candidate] === 'function')
    if (name) return () => (fields[name] as () => unknown).call(holder)
  }
  return undefined
}

function fieldsOf(value: unknown): Fields | undefined {
  return (typeof value === 'object' && value !== null) || typeof value === 'function' ? value as Fields : undefined
}
