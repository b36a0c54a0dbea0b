import { AsyncLocalStorage } from 'node:async_hooks'
import { Socket } from 'node:net'

/** Milliseconds that a connection may take to close after our goodbye. */
const LINGER = 4000

// Taken where the file is loaded, which is before any request: sockets outlive the request that needed them.
const outside = AsyncLocalStorage.snapshot()

/** The sockets of one pool: never more than its bound, and known until the server has closed them. */
export interface SocketGate {
  /** A socket that connects when there is space for it. */
  create: () => Socket
  /** Resolves when every socket is closed at both ends. */
  closed: () => Promise<void>
  /** Cuts them all. */
  destroy: () => void
}

/**
 * Holds a pool to its bound as the server counts it.
 *
 * `pg` forgets a connection when it has said goodbye, and the server keeps it a moment longer. A pool that replaces a connection,
 * or a client that follows an evicted one, would in that moment be above the budget; under load it was, by six of fifty.
 */
export function createSocketGate(max: number): SocketGate {
  const open = new Set<Socket>()
  const waiting = new Map<Socket, () => void>()
  const watchers = new Set<() => void>()

  function admit(socket: Socket, connect: () => void): void {
    if (open.size >= max) {
      waiting.set(socket, connect)
      return
    }
    open.add(socket)
    outside(connect)
  }

  function closed(socket: Socket): void {
    waiting.delete(socket)
    if (!open.delete(socket)) return
    const [next] = waiting
    if (next) {
      waiting.delete(next[0])
      admit(...next)
    }
    if (open.size === 0) watchers.forEach(watcher => watcher())
  }

  return {
    create: () => outside(() => {
      const socket = new Socket()
      const connect = socket.connect.bind(socket) as (...args: unknown[]) => Socket
      socket.connect = (...args: unknown[]) => {
        admit(socket, () => connect(...args))
        return socket
      }
      let timer: NodeJS.Timeout | undefined
      // A peer that is gone never answers our goodbye.
      socket.once('finish', () => timer = setTimeout(() => socket.destroy(), LINGER).unref())
      socket.once('close', () => {
        clearTimeout(timer)
        closed(socket)
      })
      return socket
    }),
    closed: () => new Promise((resolve) => {
      if (open.size === 0) return resolve()
      const watcher = () => {
        watchers.delete(watcher)
        resolve()
      }
      watchers.add(watcher)
    }),
    destroy: () => [...waiting.keys(), ...open].forEach(socket => socket.destroy()),
  }
}
