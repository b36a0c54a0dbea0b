import { IncomingMessage } from 'node:http'
import type { App } from 'h3'
import type { PathReadings } from '../core/paths'
import { readPath } from '../core/paths'
import { HttpError } from '../request/errors'
import { addStage } from '../request/handler-chain'

/** Seconds of the `Retry-After` header. */
const RETRY_AFTER = 5

/**
 * Makes a worker answer only the paths that `isOpen` accepts. Other requests get 503, so that a load balancer tries another instance.
 * Internal calls of the server, such as `$fetch('/api/…')` in a handler, are still answered.
 */
export function closeToRequests(app: Pick<App, 'handler'>, isOpen: (path: PathReadings) => boolean): void {
  addStage(app, 'worker', next => (event) => {
    if (!(event.node.req instanceof IncomingMessage) || isOpen(readPath(event.path))) return next(event)
    const reason = 'This instance has the role worker and answers only health checks: send requests to instances with the role web or all.'
    throw new HttpError(503, 'WORKER_ONLY', reason, { retryAfter: RETRY_AFTER })
  })
}
