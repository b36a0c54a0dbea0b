import type { App } from 'h3'

/** Going away, as RFC 6455 calls it: clients come back, to another instance. */
const GOING_AWAY = 1001
/** Milliseconds for the other ends to say goodbye too. */
const GOODBYE = 1000

interface Peer {
  close: (code: number, reason: string) => void
}

/** The WebSockets of the app. */
export interface Sockets {
  /** Closes them, and every one that is opened later. Resolves when the other ends have answered, or after a second. */
  close: () => Promise<void>
}

/** Watches the WebSockets that are opened through Nitro's handlers. Nitro itself would break them off. */
export function createSockets(app: Pick<App, 'websocket'>): Sockets {
  const peers = new Set<Peer>()
  let closing = false
  let allGone: (() => void) | undefined
  const bidFarewell = (peer: Peer) => peer.close(GOING_AWAY, 'The server is going away.')

  // Nitro asks for these options when all plugins have run, and only where WebSockets are on.
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
          if (closing) bidFarewell(peer)
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
      for (const peer of peers) bidFarewell(peer)
      if (peers.size === 0) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, GOODBYE)
        allGone = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    },
  }
}
