import type { Redis } from 'ioredis'
import type { RedisNode } from './address'
import type { RedisLibrary } from './client'
import { createSubscriber } from './client'
import { connectedMasters } from './masters'
import type { RedisSettings } from './settings'
import type { RedisClient } from './types'

/** The connections for subscriptions that are open. */
export interface Subscribers {
  /** Opens one to `node`. @param node default: the server of the settings, or the first master of the Cluster */
  open: (node?: Redis) => Redis
  /** Those that have not ended. */
  list: () => Redis[]
}

export function createSubscribers(settings: RedisSettings, library: RedisLibrary, client: RedisClient): Subscribers {
  const subscribers = new Set<Redis>()
  return {
    open(node) {
      const subscriber = createSubscriber(settings, library, subscriberAddress(settings, client, node))
      subscribers.add(subscriber)
      // Without a listener ioredis prints every failed attempt.
      subscriber.on('error', () => {})
      subscriber.once('end', () => subscribers.delete(subscriber))
      return subscriber
    },
    list: () => [...subscribers],
  }
}

/** Undefined where the settings say it all. A Cluster that knows no master yet is entered at its first start node. */
export function subscriberAddress(settings: RedisSettings, client: RedisClient, node?: Redis): RedisNode | undefined {
  if (settings.kind !== 'cluster') {
    return undefined
  }
  const options = (node ?? connectedMasters(client)[0])?.options
  return options?.host && options.port ? { host: options.host, port: options.port } : settings.nodes[0]!
}
