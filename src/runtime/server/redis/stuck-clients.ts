import type { RedisClient } from './types'

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
      if (count < STRIKES || closing()) {
        return
      }
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
