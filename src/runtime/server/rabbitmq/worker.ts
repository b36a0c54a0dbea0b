import { IncomingMessage } from 'node:http'
import type { App, H3Event } from 'h3'
import type { PathReadings } from '../core/paths'
import { readPath } from '../core/paths'
import { HttpError } from '../request/errors'

/** Seconds after which a caller may try again, somewhere else as it should be. */
const RETRY_AFTER = 5

/**
 * Lets a worker answer nothing but the paths of `isOpen`: to all else it is 503, at which a balancer tries another instance.
 * What the server asks of itself is answered, as `$fetch('/api/…')` of a handler.
 */
export function closeToRequests(app: Pick<App, 'handler'>, isOpen: (path: PathReadings) => boolean): void {
  const { handler } = app
  app.handler = Object.assign((event: H3Event) => {
    if (!(event.node.req instanceof IncomingMessage) || isOpen(readPath(event.path))) return handler(event)
    throw new HttpError(503, 'WORKER_ONLY', 'This instance is a worker and answers no requests.', { retryAfter: RETRY_AFTER })
  }, handler)
}
