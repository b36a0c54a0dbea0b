import type { Redis } from 'ioredis'
import { withDeadline } from '../core/deadline'
import { RedisTimeoutError } from './errors'
import { connectedMasters, isCluster } from './cluster'
import type { RedisClient } from './types'

/** Milliseconds for the reply to one background probe. */
export const PING_TIMEOUT = 250

/** Dependencies of {@link createServerProbe}. */
export interface ServerProbeContext {
  client: RedisClient
  /** Returns why the server must not be used although it answers; undefined if it may be used. */
  databaseFault: () => string | undefined
  stuckClients: StuckClients
}

/** Checks in the background whether Redis can be used. */
export interface ServerProbe {
  /** Resolves when every master answers and can be used. @throws Error if one of them does not */
  probe: () => Promise<void>
  /** Reports a refused write. From now on the probe fails until the server answers that it is a master. */
  doubtMaster: () => void
}

export function createServerProbe({ client, databaseFault, stuckClients }: ServerProbeContext): ServerProbe {
  let maybeReplica = false

  async function probe(): Promise<void> {
    const fault = databaseFault()
    if (fault) throw new Error(fault)
    if (client.status !== 'ready') {
      stuckClients.unanswered(client)
      throw new Error(`the client is ${client.status}`)
    }
    const answers = await Promise.all(connectedMasters(client).map(isAlive))
    if (answers.length === 0 || answers.includes(false)) throw new Error('a server does not answer')
    stuckClients.answered(client)
  }

  async function isAlive(node: Redis): Promise<boolean> {
    if (node.status !== 'ready' && node.status !== 'connect' && node.status !== 'wait') return false
    const alive = await withDeadline(isServing(node), PING_TIMEOUT, () => new RedisTimeoutError(PING_TIMEOUT)).catch(() => undefined)
    if (alive === undefined) {
      stuckClients.unanswered(node)
    }
    else {
      stuckClients.answered(node)
    }
    return alive ?? false
  }

  /** A PING alone is not enough: some servers answer it but refuse all other commands. */
  async function isServing(node: Redis): Promise<boolean> {
    if (isCluster(client)) return String(await node.cluster('INFO')).includes('cluster_state:ok')
    await node.ping()
    if (maybeReplica) {
      const [role] = await node.role() as unknown[]
      maybeReplica = role === 'slave'
    }
    return !maybeReplica
  }

  return {
    probe,
    doubtMaster() {
      maybeReplica = true
    },
  }
}

/** Number of unanswered probes after which a socket is replaced. */
const STRIKES = 2

/** Counts the unanswered probes of each client, and reconnects clients that ioredis would not reconnect. */
export interface StuckClients {
  /** Reports an unanswered probe. After the second in a row, the socket of the client is replaced. */
  unanswered: (client: RedisClient) => void
  /** Reports an answered probe. */
  answered: (client: RedisClient) => void
}

/** @param closing returns true once the connection is closed, after which no client reconnects */
export function createStuckClients(closing: () => boolean): StuckClients {
  /** Consecutive unanswered probes of each client. */
  const strikes = new WeakMap<RedisClient, number>()
  return {
    unanswered(client) {
      const count = (strikes.get(client) ?? 0) + 1
      strikes.set(client, count)
      if (count < STRIKES || closing()) return
      if (client.status === 'ready' || client.status === 'connect') {
        // The socket is half-open. Only a new socket helps, and the queue of the old one must not grow.
        strikes.delete(client)
        client.disconnect(true)
      }
      else if (client.status === 'end' || (client.status === 'disconnecting' && count > 2 * STRIKES)) {
        // ioredis gave up, because a Sentinel look-up was interrupted or a Cluster had no node left.
        strikes.delete(client)
        client.connect().catch(() => {})
      }
    },
    answered(client) {
      strikes.delete(client)
    },
  }
}
