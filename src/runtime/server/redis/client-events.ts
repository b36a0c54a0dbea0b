import type { Cluster, Redis } from 'ioredis'
import { faultText } from './errors'
import { connectedMasters, isCluster } from './masters'
import type { RedisClient } from './types'

/** Who wants to know what happens to a client. */
export interface ClientWatcher {
  /** The connection is lost, or an attempt to connect has failed; called for every attempt. */
  lost: (reason: string) => void
  /** The client is connected, to the right database. */
  ready: () => void
  /** One node of a Cluster is connected. */
  nodeReady: () => void
  /** Runs a function in the async context of the connection's creation instead of a request's. */
  outside: (work: () => void) => void
}

/** What the events of a client have said so far. */
export interface ClientEvents {
  /** A refused SELECT: ioredis goes on with database 0, which must never be written to by mistake. Undefined when there was none. */
  readonly databaseFault: string | undefined
}

/** Listens to a client, and connects the nodes of a Cluster before a request needs them. */
export function watchClient(client: RedisClient, watcher: ClientWatcher): ClientEvents {
  let lastFault = ''
  let databaseFault: string | undefined
  const emitter = client as Redis
  const closed = (): void => watcher.lost(lastFault || 'the connection was closed')
  emitter.on('connecting', () => {
    databaseFault = undefined
  })
  emitter.on('error', (error: Error) => {
    lastFault = faultText(error)
    if (/^ERR (?:DB index|invalid DB|SELECT is not allowed)/i.test(error.message)) {
      databaseFault = error.message
    }
    // Sentinel has no other event for a round of unreachable Sentinels.
    if (client.status !== 'ready' || databaseFault) {
      watcher.lost(lastFault)
    }
  })
  emitter.on('close', closed)
  emitter.on('end', closed)
  emitter.on('ready', () => {
    if (!databaseFault) {
      lastFault = ''
      watcher.ready()
    }
  })
  if (isCluster(client)) {
    connectNodes(client, watcher)
    client.on('node error', (error: Error) => {
      lastFault = faultText(error)
      if (client.status === 'ready' && !connectedMasters(client).some(isUsable)) {
        watcher.lost(lastFault)
      }
    })
  }
  return {
    get databaseFault() {
      return databaseFault
    },
  }
}

function connectNodes(cluster: Cluster, { nodeReady, outside }: ClientWatcher): void {
  const connect = (node: Redis): void => {
    // Lazy nodes would connect within the first request that needs them, and keep its context.
    if (node.status === 'wait' && !node.options.readOnly) {
      outside(() => node.connect().catch(() => {}))
    }
  }
  cluster.on('ready', () => connectedMasters(cluster).forEach(connect))
  cluster.on('+node', (node: Redis) => {
    node.on('ready', nodeReady)
    if (cluster.status === 'ready') {
      connect(node)
    }
  })
}

function isUsable(node: Redis): boolean {
  return node.status === 'ready' || node.status === 'wait'
}
