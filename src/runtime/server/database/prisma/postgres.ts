import { parseUrl } from '../redact'
import { checkSchema } from './driver'
import { createSocketGate } from './sockets'
import type { Driver, DriverInput, OpenDriver } from './driver'

/** Milliseconds after which an unused connection is closed. An idle pool therefore closes all its connections. */
const IDLE = 10_000
/** Seconds after which a connection is replaced, so that pools follow a moved or rebalanced server. */
const LIFETIME = 1800

/** The driver for PostgreSQL. */
export const postgres: Driver = {
  provider: 'postgres',
  adapterName: '@prisma/adapter-pg',
  packages: '@prisma/adapter-pg',
  open,
}

/** Opens a pool for PostgreSQL with `pg`, and sets limits that `pg` does not set by default, such as a connection timeout. */
async function open({ url, schema: given, pool }: DriverInput): Promise<OpenDriver> {
  const { PrismaPg } = await import('@prisma/adapter-pg')
  const { connectionString, schema, options } = postgresAddress(url, given)
  const sockets = createSocketGate(pool.max)
  const adapter = new PrismaPg({
    connectionString,
    options,
    max: pool.max,
    connectionTimeoutMillis: pool.acquireTimeout,
    idleTimeoutMillis: IDLE,
    maxLifetimeSeconds: LIFETIME,
    keepAlive: true,
    stream: sockets.create,
  }, {
    schema,
    // Without a listener, the loss of an idle connection would crash the process. The pool replaces such connections itself.
    onPoolError: () => {},
    onConnectionError: () => {},
  })
  return { connection: await adapter.connect() as never, closed: sockets.closed, destroy: sockets.destroy }
}

/**
 * Splits an address into the parts that Prisma and `pg` need.
 *
 * Prisma 7 ignores the query string of a URL. This function respects `?schema=`, because without it queries could read the rows of
 * another tenant. The schema is passed twice: to Prisma for generated queries, and as the search path for raw queries.
 */
export function postgresAddress(
  url: string, given: string | undefined,
): { connectionString: string, schema: string | undefined, options: string | undefined } {
  const parsed = parseUrl(url)
  const schema = checkSchema(given ?? parsed.searchParams.get('schema') ?? undefined)
  const own = parsed.searchParams.get('options')
  // With `options` in the URL, pg would overwrite the search path. The other parameters are Prisma's and unknown to pg.
  for (const name of ['schema', 'options', 'connection_limit', 'pool_timeout']) parsed.searchParams.delete(name)
  const path = schema && `-c search_path="${schema.replace(/\s/g, '\\$&')}"`
  return { connectionString: parsed.href, schema, options: [own, path].filter(Boolean).join(' ') || undefined }
}
