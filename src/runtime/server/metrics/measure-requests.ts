import type { ServerResponse } from 'node:http'
import { IncomingMessage as RealRequest } from 'node:http'
import type { App, H3Event } from 'h3'
import { instrument, onRead } from '../core/instruments'
import { addStage } from '../request/handler-chain'
import { isTraceSampled, readTrace, traceIdOf } from '../request/trace'
import type { Metric } from './registry'

/** Dependencies of {@link measureRequests}. */
export interface MeasureRequestsOptions {
  /** Receives the durations. */
  durations: Metric
  /** Returns the pattern of the route of a request, after its response. @param path path when the request arrived */
  routeOf: (event: H3Event, path: string) => string
  /** Answers the request if it asks for the metrics, which are not measured; else returns `undefined`. */
  answer: (event: H3Event) => Promise<void> | undefined
  /** Whether the durations have trace ids. */
  exemplars: boolean
}

/** A request that is being measured. */
interface Measured {
  event: H3Event
  path: string
  method: string
  started: number
}

const MEASURED = Symbol('measured request')
type MeasuredResponse = ServerResponse & { [MEASURED]?: Measured }

/** Methods that are values of a label. Others are `_OTHER`, because a client can send any method. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'])
const OTHER_METHOD = '_OTHER'
const GATEWAY_TIMEOUT = 504

const aborted = instrument('scale.http.aborted')
const active = instrument('http.server.active_requests')

/**
 * Measures every request from outside exactly once, when Node closes its response. Errors, aborted requests, streams and redirects have no
 * hook of Nitro in common, but each of them closes the response.
 *
 * @returns a function that stops the reading of the gauge
 */
export function measureRequests(
  app: Pick<App, 'handler'>,
  { durations, routeOf, answer, exemplars }: MeasureRequestsOptions,
): () => void {
  const running = new Map<string, number>()

  // All responses share this function, because a closure for each of them would cost more.
  function onClose(this: MeasuredResponse): void {
    const measured = this[MEASURED]
    if (measured === undefined) return
    this[MEASURED] = undefined
    const { event, path, method, started } = measured
    running.set(method, running.get(method)! - 1)
    const seconds = (performance.now() - started) / 1000
    const route = routeOf(event, path)
    const traceId = exemplars ? sampledTraceOf(event) : undefined
    if (!this.writableFinished) {
      aborted.record(1, route)
      durations.series(route, method, '', 'aborted').record(seconds, traceId)
      return
    }
    const { statusCode } = this
    durations.series(route, method, statusCode, statusCode < 500 ? '' : errorTypeOf(statusCode)).record(seconds, traceId)
  }

  addStage(app, 'metrics', next => (event) => {
    const { req, res } = event.node
    // A request of the server to itself has no connection. The request from outside that caused it is measured.
    if (!(req instanceof RealRequest)) return next(event)
    const answered = answer(event)
    if (answered !== undefined) return answered
    const method = METHODS.has(event.method) ? event.method : OTHER_METHOD
    running.set(method, (running.get(method) ?? 0) + 1)
    const response: MeasuredResponse = res
    response[MEASURED] = { event, path: event.path, method, started: performance.now() }
    response.on('close', onClose)
    return next(event)
  })
  return onRead(() => running.forEach((count, method) => active.record(count, method)))
}

function errorTypeOf(status: number): string {
  return status === GATEWAY_TIMEOUT ? 'timeout' : String(status)
}

/** Returns the trace id of a request whose trace is recorded. */
function sampledTraceOf({ node }: H3Event): string | undefined {
  const trace = readTrace(node.req.headers.traceparent, undefined)
  return trace && isTraceSampled(trace) ? traceIdOf(trace) : undefined
}
