import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer } from 'node:http'
import { freePort } from './ports.ts'

/** A small server behind a balancer. */
export interface Origin {
  port: number
  /** Requests that it has got, health checks left out. */
  count: number
  /** Connections that it has accepted. */
  connections: number
  /** What it says when it is asked. */
  ready: boolean
  server: Server
  close: () => Promise<void>
}

/** Starts a server on 127.0.0.1 that says it is ready on `/api/health/ready`. */
export async function startOrigin(handler: RequestListener): Promise<Origin> {
  const port = await freePort()
  const server = createServer((request: IncomingMessage, response) => {
    if (request.url === '/api/health/ready') {
      response.statusCode = origin.ready ? 200 : 503
      response.end('{}')
      return
    }
    origin.count++
    handler(request, response)
  })
  server.keepAliveTimeout = 65_000
  const origin: Origin = {
    port,
    count: 0,
    connections: 0,
    ready: true,
    server,
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
  server.on('connection', () => origin.connections++)
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return origin
}
