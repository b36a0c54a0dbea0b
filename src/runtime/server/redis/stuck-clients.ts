import type { RedisClient } from './types'

/** Unanswered probes after which a socket is replaced. */
const STRIKES = 2

/** Counts the unanswered probes of each client and heals what ioredis leaves stuck. */
export interface StuckClients {
  /** A probe of the client was not answered; at the second in a row the socket that gave no answer is replaced. */
  unanswered: (client: RedisClient) => void
  /** A probe of the client was answered. */
  answered: (client: RedisClient) => void
}

/** @param closing true from when the connection is closed: nothing is connected again */
export function createStuckClients(closing: () => boolean): StuckClients {
  /** Unanswered probes in a row of each socket, or of a client that does not get ready. */
  const strikes = new WeakMap<RedisClient, number>()
  return {
    unanswered(client) {
      const count = (strikes.get(client) ?? 0) + 1
      strikes.set(client, count)
      if (count < STRIKES || closing()) {
        return
      }
      if (client.status === 'ready' || client.status === 'connect') {
        // A half-open socket: nothing but a new one brings it back, and its queue must not grow.
        strikes.delete(client)
        client.disconnect(true)
      }
      else if (client.status === 'end' || (client.status === 'disconnecting' && count > 2 * STRIKES)) {
        // ioredis gave up: a Sentinel look-up that was cut, or a Cluster without a node left.
        strikes.delete(client)
        client.connect().catch(() => {})
      }
    },
    answered(client) {
      strikes.delete(client)
    },
  }
}
