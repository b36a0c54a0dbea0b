import { Agent, request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'

export interface HttpAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** Requests with headers that `fetch` does not let one write, such as `Host`, or the same one twice. */
export interface HttpClient {
  /** A list of values is sent as that many headers. Fails after 30 s. */
  request: (path: string, options?: { method?: string, headers?: Record<string, string | string[]> }) => Promise<HttpAnswer>
  /** Ends the connections. */
  close: () => void
}

/** A client of a server on this machine, with connections that are used again. */
export function createClient(port: number): HttpClient {
  const agent = new Agent({ keepAlive: true })
  const ask: HttpClient['request'] = (path, { method = 'GET', headers = {} } = {}) => new Promise((resolve, reject) => {
    const lines = Object.entries({ host: `127.0.0.1:${port}`, ...headers }).flatMap(([name, values]) => [values].flat().flatMap(value => [name, value]))
    const sent = request({ host: '127.0.0.1', port, path, method, agent, headers: lines, timeout: 30_000 }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks).toString() }))
    })
    sent.on('timeout', () => sent.destroy(new Error(`${method} ${path} got no answer within 30 s.`)))
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // A server may close a connection that rests at the very moment when it is used again: nobody has seen the request.
      if (sent.reusedSocket && error.code === 'ECONNRESET') ask(path, { method, headers }).then(resolve, reject)
      else reject(error)
    })
    sent.end()
  })
  return {
    request: ask,
    close: () => agent.destroy(),
  }
}
