import { detached } from '../../core/detached'
import { Socket } from 'node:net'

/** Milliseconds that the server may take to close a connection after the pool has ended it. */
const LINGER = 4000

// The snapshot is taken when the file is loaded, before any request, because sockets outlive the request that opened them.

/** The sockets of one pool. It never opens more than `max`, and counts each socket until the server has closed it. */
export interface SocketGate {
  /** Creates a socket that waits with its connection until there is space. */
  create: () => Socket
  /** Resolves when every socket is closed at both ends. */
  closed: () => Promise<void>
  /** Destroys all sockets. */
  destroy: () => void
}

/**
 * Limits the connections of a pool as the database server counts them.
 *
 * `pg` forgets a connection as soon as it has ended it, but the server keeps it a moment longer. In that moment, a pool that replaces
 * a connection, or a client that replaces an evicted one, would exceed the limit. Under load, a limit of 50 connections was exceeded by 6.
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
    detached(connect)
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
    create: () => detached(() => {
      const socket = new Socket()
      const connect = socket.connect.bind(socket) as (...args: unknown[]) => Socket
      socket.connect = (...args: unknown[]) => {
        admit(socket, () => connect(...args))
        return socket
      }
      let timer: NodeJS.Timeout | undefined
      // A server that is gone never closes its side, so the socket is destroyed after a deadline.
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
