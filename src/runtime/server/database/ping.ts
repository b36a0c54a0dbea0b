import { askNothing } from './ask'
import { currentDatabase } from './current'
import { probeAddress } from './probe'
import type { DatabaseSpec } from './types'

/**
 * Resolves when a database answers a question about nothing, asked through the client that requests use.
 * Of a client that cannot be asked, the address must at least accept a connection.
 *
 * @throws Error of the client, or of the registry when no connection comes free
 */
export async function pingDatabase(spec: DatabaseSpec): Promise<void> {
  const { registry, ping } = currentDatabase()
  const lease = await registry.lease(spec)
  try {
    await (askNothing(lease.client, ping) ?? probeAddress(spec))
  }
  finally {
    lease.release()
  }
}
