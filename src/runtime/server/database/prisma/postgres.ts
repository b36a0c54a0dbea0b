import { parseUrl } from '../redact'
import { checkSchema } from './schema'
import { createSocketGate } from './sockets'
import type { DriverInput, OpenDriver } from './drivers'

/** Milliseconds after which an unused connection is closed: idle pools shrink to nothing. */
const IDLE = 10_000
/** Seconds after which a connection is replaced, so that a moved or rebalanced server is found. */
const LIFETIME = 1800

/** PostgreSQL through `pg`, with every bound that its defaults leave open: they wait for a connection for ever. */
export async function openPostgres({ url, schema: given, pool }: DriverInput): Promise<OpenDriver> {
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
    // Without a listener the loss of an idle connection would end the process; the pool replaces it by itself.
    onPoolError: () => {},
    onConnectionError: () => {},
  })
  return { connection: await adapter.connect() as never, closed: sockets.closed, destroy: sockets.destroy }
}

/**
 * Prisma 7 ignores what a URL says after the question mark. `?schema=` is heeded here, since a schema that is dropped in silence
 * reads another tenant's rows; it goes to the generated queries and, as the search path, to raw ones: each alone covers one half.
 */
export function postgresAddress(url: string, given: string | undefined): { connectionString: string, schema: string | undefined, options: string | undefined } {
  const parsed = parseUrl(url)
  const schema = checkSchema(given ?? parsed.searchParams.get('schema') ?? undefined)
  const own = parsed.searchParams.get('options')
  // In `options` of the URL pg would overwrite the search path.
  for (const name of ['schema', 'options', 'connection_limit', 'pool_timeout']) parsed.searchParams.delete(name)
  const path = schema && `-c search_path="${schema.replace(/\s/g, '\\$&')}"`
  return { connectionString: parsed.href, schema, options: [own, path].filter(Boolean).join(' ') || undefined }
}
