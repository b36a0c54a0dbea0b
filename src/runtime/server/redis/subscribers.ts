import type { Redis } from 'ioredis'
import type { RedisNode } from './address'
import type { RedisLibrary } from './client'
import { createSubscriber } from './client'
import { connectedMasters } from './masters'
import type { RedisSettings } from './settings'
import type { RedisClient } from './types'

/** The open connections for subscriptions. */
export interface Subscribers {
  /** Opens a connection. @param node its server; by default the server of the settings, or the first master of the Cluster */
  open: (node?: Redis) => Redis
  /** Returns the connections that are not closed. */
  list: () => Redis[]
}

export function createSubscribers(settings: RedisSettings, library: RedisLibrary, client: RedisClient): Subscribers {
  const subscribers = new Set<Redis>()
  return {
    open(node) {
      const subscriber = createSubscriber(settings, library, subscriberAddress(settings, client, node))
      subscribers.add(subscriber)
      // Without a listener, ioredis prints every failed attempt.
      subscriber.on('error', () => {})
      subscriber.once('end', () => subscribers.delete(subscriber))
      return subscriber
    },
    list: () => [...subscribers],
  }
}

/**
 * Returns the address for a subscription on a Cluster: that of `node`, else of the first master, else of the first start node.
 * Returns undefined without a Cluster, because the settings then contain the address.
 */
export function subscriberAddress(settings: RedisSettings, client: RedisClient, node?: Redis): RedisNode | undefined {
  if (settings.kind !== 'cluster') {
    return undefined
  }
  const options = (node ?? connectedMasters(client)[0])?.options
  return options?.host && options.port ? { host: options.host, port: options.port } : settings.nodes[0]!
}
