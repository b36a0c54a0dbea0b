import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { IncomingMessage as RealRequest } from 'node:http'
import type { App } from 'h3'
import { withDeadline } from '../core/deadline'
import { addStage } from '../request/handler-chain'
import { createSockets } from './sockets'

/** The open connections between this instance and its clients. */
export interface Connections {
  /**
   * From now on, each response says that its connection closes, so that clients reconnect to another instance. A response whose headers
   * were sent before cannot say it, so its connection stays open: closing it could lose the next request of the client.
   */
  closeAfterResponse: () => void
  /**
   * Accepts no new connections, and closes idle ones.
   * A connection that was just accepted can still send its request; Nitro alone would treat it as idle and close it.
   * Resolves when all connections are closed, or after a second.
   */
  stopListening: () => Promise<void>
  /**
   * Closes connections that would stay open: event streams, and WebSockets with code 1001.
   * Resolves when the clients have closed them too, or after a second.
   */
  endStreams: () => Promise<void>
  /** Aborts all running requests. Returns their number. */
  cut: () => number
}

/** Milliseconds for a new connection to send its request. */
const PATIENCE = 1000
const REQUEST_START = 'http.server.request.start'

/** Tracks every request of the app, and closes connections that are idle for `keepAliveTimeout` milliseconds. */
export function watchConnections(app: Pick<App, 'handler' | 'websocket'>, keepAliveTimeout: number): Connections {
  const open = new Set<ServerResponse>()
  const sockets = createSockets(app)
  let server: Server | undefined
  let closing = false

  // Nitro does not expose its HTTP server, so get it from Node's diagnostics channel: it is the server whose request reaches the app.
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
    // A request of the server to itself has no connection.
    if (!(req instanceof RealRequest)) return next(event)
    if (!server) adopt(req)
    open.add(res)
    res.once('close', () => open.delete(res))
    if (closing) announceClose(res)
    return next(event)
  })

  return {
    closeAfterResponse() {
      closing = true
      for (const response of open) announceClose(response)
    },
    async stopListening() {
      if (!server) return
      for (const response of open) endConnectionAfter(response)
      const ended = once(server, 'close')
      server.close()
      // Nitro closes the server again, and the resulting rejection would be unhandled.
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

/** Adds `Connection: close` to a response whose headers are not sent yet. */
function announceClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}

/** Closes the connection of a response after it, if the response did not say so itself. */
function endConnectionAfter(response: ServerResponse): void {
  const { socket } = response
  if (response.headersSent) response.once('finish', () => socket?.end())
}

function isEventStream(response: ServerResponse): boolean {
  return response.headersSent && String(response.getHeader('content-type')).startsWith('text/event-stream')
}

/** Closes an event stream. The handler may still write to it, and that must not throw. */
function endStream(response: ServerResponse): void {
  response.on('error', () => {})
  response.end()
}
