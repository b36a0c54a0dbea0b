/** Names under which clients end their connections: Prisma, pg and Postgres.js, most drivers, Knex. */
export const DISPOSERS = ['$disconnect', 'end', 'close', 'destroy'] as const

type Fields = Record<PropertyKey, unknown>

/**
 * How to end the connections of a client: the factory's own `dispose`, else the client's method, else that of the driver
 * under a Drizzle client (`$client`). Undefined when there is none.
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
