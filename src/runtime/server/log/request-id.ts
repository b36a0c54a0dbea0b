import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { readTrace, traceIdOf } from '../request/trace'

/** Characters of an id that another server may choose. It is written to logs and to a response header. */
const REQUEST_ID = /^[\w.:@/+=-]{1,128}$/

/** Input of {@link requestIdOf}. */
export interface RequestIdSource {
  headers: IncomingHttpHeaders
  /** Address of the peer that sent the request. */
  peer: string | undefined
  /** Name of the header with the id, in lower case. */
  header: string
  /** Whether a peer may choose the id. */
  trusts: (address: string | undefined) => boolean
}

/**
 * Returns the id of a request: the trace id of `traceparent`, else the header of a trusted proxy, else a new UUID.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
export function requestIdOf({ headers, peer, header, trusts }: RequestIdSource): string {
  const trace = readTrace(headers.traceparent, undefined)
  if (trace) return traceIdOf(trace)
  const given = headers[header]
  return typeof given === 'string' && REQUEST_ID.test(given) && trusts(peer) ? given : randomUUID()
}
