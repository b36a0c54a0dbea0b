import type { App } from 'h3'

/** Close code "Going Away" (RFC 6455 §7.4.1), after which clients reconnect to another instance. */
const GOING_AWAY = 1001
/** Milliseconds to wait until the clients have closed too. */
const CLOSE_TIMEOUT = 1000

interface Peer {
  close: (code: number, reason: string) => void
}

/** The WebSockets of the app. */
export interface Sockets {
  /** Closes all WebSockets, and those that are opened later. Resolves when the clients have closed too, or after a second. */
  close: () => Promise<void>
}

/** Tracks the WebSockets of Nitro's handlers. Nitro alone would break their connections without a close frame. */
export function createSockets(app: Pick<App, 'websocket'>): Sockets {
  const peers = new Set<Peer>()
  let closing = false
  let allGone: (() => void) | undefined
  const closePeer = (peer: Peer) => peer.close(GOING_AWAY, 'The server is going away.')

  // Nitro reads these options after all plugins have run, and only if WebSockets are enabled.
  const { websocket } = app
  const { hooks } = websocket
  Object.defineProperty(app, 'websocket', {
    configurable: true,
    value: {
      ...websocket,
      hooks: {
        ...hooks,
        open(peer) {
          peers.add(peer)
          if (closing) closePeer(peer)
          return hooks?.open?.(peer)
        },
        close(peer, details) {
          peers.delete(peer)
          if (peers.size === 0) allGone?.()
          return hooks?.close?.(peer, details)
        },
      },
    } satisfies App['websocket'],
  })

  return {
    async close() {
      closing = true
      for (const peer of peers) closePeer(peer)
      if (peers.size === 0) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, CLOSE_TIMEOUT)
        allGone = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    },
  }
}
