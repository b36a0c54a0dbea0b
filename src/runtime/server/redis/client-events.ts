import type { Cluster, Redis } from 'ioredis'
import { faultText } from './errors'
import { connectedMasters, isCluster } from './cluster'
import type { RedisClient } from './types'

/** Callbacks for connection events. */
export interface ClientWatcher {
  /** The connection is lost, or an attempt to connect has failed. Called for every failed attempt. */
  lost: (reason: string) => void
  /** The client is connected and uses the right database. */
  ready: () => void
  /** One node of a Cluster is connected. */
  nodeReady: () => void
  /** Runs a function in the async context in which the connection was created, instead of a request's context. */
  outside: (work: () => void) => void
}

/** State that was learned from the events of a client. */
export interface ClientEvents {
  /**
   * Error of a refused SELECT; undefined if there was none.
   * After such an error ioredis continues with database 0, and the module must not write there by mistake.
   */
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
    // With Sentinels, this is the only event when none of them is reachable.
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
    // A lazy node would connect in the first request that needs it, and would keep the async context of that request.
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
