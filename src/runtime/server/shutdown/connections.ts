import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { IncomingMessage as RealRequest } from 'node:http'
import type { App } from 'h3'
import { withDeadline } from '../core/deadline'
import { addStage } from '../request/handler-chain'
import { createSockets } from './sockets'

/** What is open between this instance and its callers. */
export interface Connections {
  /** From now on each response is the last of its connection, so that callers come back by another way. */
  closeAfterResponse: () => void
  /**
   * Takes no more connections, and ends those that rest. One that was just made may still bring its request: to Nitro it would look like one that rests.
   * Resolves when all have ended, or after a second.
   */
  stopListening: () => Promise<void>
  /** Ends what would never end by itself: event streams, and WebSockets with 1001. Resolves when their other ends have said so too, or after a second. */
  endStreams: () => Promise<void>
  /** Cuts off all requests. Returns how many. */
  cut: () => number
}

/** Milliseconds for what was just connected to bring its request. */
const PATIENCE = 1000
const REQUEST_START = 'http.server.request.start'

/** Watches every request of the app, and lets idle connections rest for `keepAliveTimeout` milliseconds. */
export function watchConnections(app: Pick<App, 'handler' | 'websocket'>, keepAliveTimeout: number): Connections {
  const open = new Set<ServerResponse>()
  const sockets = createSockets(app)
  let server: Server | undefined
  let closing = false

  // Nitro keeps its server to itself; Node names it with each request. It is the one whose request comes to the app.
  let latest: { request: IncomingMessage, server: Server } | undefined
  const note = (message: unknown) => {
    latest = message as typeof latest
  }
  subscribe(REQUEST_START, note)

  function adopt(request: IncomingMessage): void {
    if (latest?.request !== request) return
    server = latest.server
    server.keepAliveTimeout = keepAliveTimeout
    latest = undefined
    unsubscribe(REQUEST_START, note)
  }

  addStage(app, 'connections', next => (event) => {
    const { req, res } = event.node
    // What the server asks of itself has no connection.
    if (!(req instanceof RealRequest)) return next(event)
    if (!server) adopt(req)
    open.add(res)
    res.once('close', () => open.delete(res))
    if (closing) sayClose(res)
    return next(event)
  })

  return {
    closeAfterResponse() {
      closing = true
      for (const response of open) sayClose(response)
    },
    async stopListening() {
      if (!server) return
      const ended = once(server, 'close')
      server.close()
      // Nitro closes it once more, and its rejection would go unhandled.
      server.close = Object.assign((callback?: (error?: Error) => void) => {
        callback?.()
        return server!
      }, server.close)
      await withDeadline(ended, PATIENCE, () => new Error('late')).catch(() => {})
    },
    async endStreams() {
      for (const response of open) {
        if (isEventStream(response)) endStream(response)
      }
      await sockets.close()
    },
    cut() {
      const { size } = open
      server?.closeAllConnections()
      return size
    },
  }
}

/** Where it is too late to say so, the connection is closed behind the response. */
function sayClose(response: ServerResponse): void {
  const { socket } = response
  if (response.headersSent) response.once('finish', () => socket?.end())
  else response.setHeader('connection', 'close')
}

function isEventStream(response: ServerResponse): boolean {
  return response.headersSent && String(response.getHeader('content-type')).startsWith('text/event-stream')
}

/** Whoever writes the stream may not have heard of its end yet, and must not fail for that. */
function endStream(response: ServerResponse): void {
  response.on('error', () => {})
  response.end()
}
