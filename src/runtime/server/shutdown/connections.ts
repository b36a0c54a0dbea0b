import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { IncomingMessage as RealRequest } from 'node:http'
import type { App, H3Event } from 'h3'
import { createSockets } from './sockets'

/** What is open between this instance and its callers. */
export interface Connections {
  /** From now on each response is the last of its connection, so that callers come back by another way. */
  closeAfterResponse: () => void
  /** Ends what would never end by itself: event streams, and WebSockets with 1001. Resolves when their other ends have said so too, or after a second. */
  endStreams: () => Promise<void>
  /** Cuts off all requests. Returns how many. */
  cut: () => number
}

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

  const { handler } = app
  app.handler = Object.assign((event: H3Event) => {
    const { req, res } = event.node
    // What the server asks of itself has no connection.
    if (!(req instanceof RealRequest)) return handler(event)
    if (!server) adopt(req)
    open.add(res)
    res.once('close', () => open.delete(res))
    if (closing) sayClose(res)
    return handler(event)
  }, handler)

  return {
    closeAfterResponse() {
      closing = true
      for (const response of open) sayClose(response)
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

function sayClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}

function isEventStream(response: ServerResponse): boolean {
  return response.headersSent && String(response.getHeader('content-type')).startsWith('text/event-stream')
}

/** Whoever writes the stream may not have heard of its end yet, and must not fail for that. */
function endStream(response: ServerResponse): void {
  response.on('error', () => {})
  response.end()
}
