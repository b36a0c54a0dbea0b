const NOTHING = 'SELECT 1'

/** Methods that run a statement: of Prisma, most drivers, Knex and Postgres.js, in this order. */
const METHODS = ['$queryRawUnsafe', 'query', 'raw', 'unsafe'] as const

/**
 * Runs the test query `SELECT 1` through a client of Prisma, of a driver, or of a library that wraps a driver, such as Drizzle.
 *
 * @param ping the `ping` function of the app's factory, if it has one
 * @returns undefined if the client has no known method for a query
 */
export function askNothing(client: unknown, ping?: (client: never) => PromiseLike<unknown>): PromiseLike<unknown> | undefined {
  if (ping) return ping(client as never)
  const fields = (client ?? {}) as Record<string, unknown>
  // A mysql2 client with callbacks returns its promise variant from `promise()`.
  if (typeof fields.promise === 'function') return askNothing((fields.promise as () => unknown).call(client))
  const name = METHODS.find(method => typeof fields[method] === 'function')
  if (name) return (fields[name] as (sql: string) => PromiseLike<unknown>).call(client, NOTHING)
  return fields.$client ? askNothing(fields.$client) : undefined
}
