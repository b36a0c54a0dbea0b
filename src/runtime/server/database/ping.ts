import { askNothing } from './ask'
import { databaseService } from './service'
import { probeAddress } from './probe'
import type { DatabaseSpec } from './types'

/**
 * Resolves when a database answers a test query through the client that requests use.
 * If the client has no method for a query, it only checks that the address accepts a connection.
 *
 * @throws any error of the client; DatabaseBusyError when no connection becomes free
 */
export async function pingDatabase(spec: DatabaseSpec): Promise<void> {
  const { registry, ping } = databaseService.use()
  const lease = await registry.lease(spec)
  try {
    await (askNothing(lease.client, ping) ?? probeAddress(spec))
  }
  finally {
    lease.release()
  }
}
