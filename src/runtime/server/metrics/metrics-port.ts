import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { createLog } from '../core/log'
import { end } from './answer-scrape'
import type { MetricsSettings } from './settings'

/** The server of the separate port. */
export interface MetricsPort {
  close: () => Promise<void>
}

/** Opens the separate port of the metrics. If the port is taken, the app runs without it, and the log says so. */
export function openMetricsPort(
  { host, port, path }: Pick<MetricsSettings, 'host' | 'port' | 'path'>,
  scrape: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  log: Pick<ReturnType<typeof createLog>, 'error'>,
): MetricsPort {
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] !== path) return end(response, 404)
    scrape(request, response).catch(() => response.destroy())
  })
  server.on('error', (error: NodeJS.ErrnoException) => {
    log.error(`scale.metrics.port ${port} could not be opened on ${host} (${error.code}): use another port, such as one for each process.`)
  })
  server.listen(port, host)
  return {
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}
