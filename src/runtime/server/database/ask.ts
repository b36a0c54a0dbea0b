const NOTHING = 'SELECT 1'

/** Names under which clients take a statement: Prisma, most drivers, Knex, and Postgres.js. */
const METHODS = ['$queryRawUnsafe', 'query', 'raw', 'unsafe'] as const

/**
 * Asks a database about nothing through its client, in the words of Prisma, of the drivers, and of what wraps a driver as Drizzle does.
 *
 * @param ping how the factory of the app asks, if it says so
 * @returns undefined when the client cannot be asked
 */
export function askNothing(client: unknown, ping?: (client: never) => PromiseLike<unknown>): PromiseLike<unknown> | undefined {
  if (ping) return ping(client as never)
  const fields = (client ?? {}) as Record<string, unknown>
  // The callbacks of mysql2 have another face that gives promises.
  if (typeof fields.promise === 'function') return askNothing((fields.promise as () => unknown).call(client))
  const name = METHODS.find(method => typeof fields[method] === 'function')
  if (name) return (fields[name] as (sql: string) => PromiseLike<unknown>).call(client, NOTHING)
  return fields.$client ? askNothing(fields.$client) : undefined
}
