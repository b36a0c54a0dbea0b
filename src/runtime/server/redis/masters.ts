import type { Cluster, Redis } from 'ioredis'
import { RedisUnavailableError } from './errors'
import type { RedisClient } from './types'

/** By its mark and not by its class: ioredis 5 and 6 can be in one process. */
export function isCluster(client: RedisClient): client is Cluster {
  return (client as { isCluster?: boolean }).isCluster === true
}

/** Clients of the masters that are connected: the client itself on a single server. */
export function connectedMasters(client: RedisClient): Redis[] {
  return isCluster(client) ? client.nodes('master') : [client]
}

/**
 * Clients of the masters that hold the keys: the client itself on a single server.
 *
 * @throws RedisUnavailableError when a master of the slot table is not connected, so that no key is left out
 */
export function keyMasters(client: RedisClient): Redis[] {
  const masters = connectedMasters(client)
  if (!isCluster(client)) {
    return masters
  }
  const known = new Set(masters.map(slotTableAddress))
  const owners = slotOwners(client)
  if (owners.size === 0 || [...owners].some(owner => !known.has(owner))) {
    throw new RedisUnavailableError('not every master of the Cluster is connected')
  }
  // A connected node without slots is a former master or a new one: it holds no key.
  return masters.filter(master => owners.has(slotTableAddress(master)))
}

/** The address of a node as the slot table writes it. */
function slotTableAddress({ options }: Redis): string {
  return `${options.host}:${options.port}`
}

/** Addresses of the masters in the slot table. */
function slotOwners(cluster: Cluster): Set<string> {
  const owners = new Set<string>()
  let last: string | undefined
  // Neighbouring slots mostly have one owner: comparing is cheaper than 16384 additions.
  for (const slot of cluster.slots) {
    const owner = slot?.[0]
    if (owner !== undefined && owner !== last) {
      owners.add(owner)
      last = owner
    }
  }
  return owners
}
