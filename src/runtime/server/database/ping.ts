import { currentDatabase } from './current'
import { probeAddress } from './probe'
import type { DatabaseSpec } from './types'

const NOTHING = 'SELECT 1'

/**
 * Resolves when a database answers a question about nothing, asked through the client that requests use.
 * Of a client that cannot be asked, the address must at least accept a connection.
 *
 * @throws Error of the client, or of the registry when no connection comes free
 */
export async function pingDatabase(spec: DatabaseSpec): Promise<void> {
  const lease = await currentDatabase().registry.lease(spec)
  try {
    await (askNothing(lease.client) ?? probeAddress(spec))
  }
  finally {
    lease.release()
  }
}

/** In the words of Prisma, of the drivers, and of what wraps a driver as Drizzle does. */
function askNothing(client: unknown): PromiseLike<unknown> | undefined {
  const { $queryRawUnsafe, query, $client } = (client ?? {}) as Record<string, unknown>
  const ask = [$queryRawUnsafe, query].find(method => typeof method === 'function') as ((sql: string) => PromiseLike<unknown>) | undefined
  if (ask) return ask.call(client, NOTHING)
  return $client ? askNothing($client) : undefined
}
