import type { IncomingMessage, ServerResponse } from 'node:http'
import { matchesToken } from '../core/secret'
import { OPEN_METRICS_TYPE, TEXT_TYPE, writeMetrics } from './exposition'
import { writeClientMetrics } from './prometheus-client'
import { prometheusName } from './registry'
import type { CurrentMetrics } from './service'

/** Dependencies of {@link createScrapeHandler}. */
export interface ScrapeHandlerOptions {
  metrics: Pick<CurrentMetrics, 'registry' | 'included' | 'read'>
  /** Token that the request must send; empty for none. */
  token: string
  /** Lines that every response begins with. */
  info: string
}

/** Creates the handler that answers scrapes of Prometheus. */
export function createScrapeHandler({ metrics, token, info }: ScrapeHandlerOptions) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader('cache-control', 'no-store')
    if (token !== '' && !matchesToken(request.headers.authorization, token)) {
      response.setHeader('www-authenticate', 'Bearer')
      return end(response, 401)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return end(response, 405)
    }
    const openMetrics = /application\/openmetrics-text/.test(request.headers.accept ?? '')
    response.setHeader('content-type', openMetrics ? OPEN_METRICS_TYPE : TEXT_TYPE)
    if (request.method === 'HEAD') return end(response, 200)
    const write = (part: string) => response.write(part)
    metrics.read()
    write(info)
    await writeMetrics(metrics.registry.metrics.values(), write, { openMetrics })
    const taken = new Set(['target_info', ...[...metrics.registry.metrics.values()].map(prometheusName)])
    for (const client of metrics.included) await writeClientMetrics(client, taken, write, openMetrics)
    response.end(openMetrics ? '# EOF\n' : '')
  }
}

/** Answers without a body. */
export function end(response: ServerResponse, status: number): void {
  response.statusCode = status
  response.end()
}
