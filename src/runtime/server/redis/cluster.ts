import type { Cluster, Redis } from 'ioredis'
import { RedisUnavailableError } from './errors'
import type { RedisClient } from './types'

/** Checks a property and not the class, because ioredis 5 and 6 can be in one process. */
export function isCluster(client: RedisClient): client is Cluster {
  return (client as { isCluster?: boolean }).isCluster === true
}

/** Returns a client for each connected master; on a single server, the client itself. */
export function connectedMasters(client: RedisClient): Redis[] {
  return isCluster(client) ? client.nodes('master') : [client]
}

/**
 * Returns a client for each master that contains keys; on a single server, the client itself.
 *
 * @throws RedisUnavailableError if a master of the slot table is not connected, because its keys would be left out
 */
export function keyMasters(client: RedisClient): Redis[] {
  const masters = connectedMasters(client)
  if (!isCluster(client)) return masters
  const known = new Set(masters.map(slotTableAddress))
  const owners = slotOwners(client)
  if (owners.size === 0 || [...owners].some(owner => !known.has(owner))) {
    throw new RedisUnavailableError('not every master of the Cluster is connected')
  }
  // A connected node without slots is a former master or a new one, and has no keys.
  return masters.filter(master => owners.has(slotTableAddress(master)))
}

/** Formats the address of a node as in the slot table. */
function slotTableAddress({ options }: Redis): string {
  return `${options.host}:${options.port}`
}

/** Returns the addresses of the masters in the slot table. */
function slotOwners(cluster: Cluster): Set<string> {
  const owners = new Set<string>()
  let last: string | undefined
  // Adjacent slots usually have the same owner, and comparing is cheaper than adding to the set 16384 times.
  for (const slot of cluster.slots) {
    const owner = slot?.[0]
    if (owner !== undefined && owner !== last) {
      owners.add(owner)
      last = owner
    }
  }
  return owners
}
