import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Report } from '../../app/report'
import { readBody } from './read-body'
import { parseBrowserReports } from './parse-browser-reports'
import { parseReport } from './parse-report'

/** Reason for which a message is refused, as a label of metrics. */
type IngestRejection = 'method' | 'type' | 'origin' | 'rate' | 'size' | 'schema'

/** Content of an accepted message. */
export type IngestContent = { report: Report } | { reports: NonNullable<ReturnType<typeof parseBrowserReports>> }

/** Dependencies of {@link createIngest}. */
export interface IngestOptions {
  /** Takes one message of the address of a request. Returns 0, or the milliseconds to wait if there are too many. */
  take: (request: IncomingMessage) => number
  onAccepted: (content: IngestContent, request: IncomingMessage) => void
  onRejected: (reason: IngestRejection) => void
}

/** Largest body in bytes: the limit of `navigator.sendBeacon`. */
const LARGEST_BODY = 65_536
/** Milliseconds that a body may take to arrive. */
const BODY_TIMEOUT = 5000
const REPORTS = 'application/reports+json'
/** `sendBeacon` sends strings with the type `text/plain`, which needs no preflight request. */
const TYPES = ['application/json', 'text/plain', REPORTS]

/**
 * Creates the handler of the ingest route. It answers an accepted message with 204, and every other one with a status of 4xx and no body.
 * The cheap checks come first: an attack does not make the server read a body.
 */
export function createIngest({ take, onAccepted, onRejected }: IngestOptions): (
  request: IncomingMessage, response: ServerResponse,
) => Promise<void> {
  return async (request, response) => {
    const refuse = (status: number, reason: IngestRejection) => {
      onRejected(reason)
      // The rest of the body is not read.
      if (!request.complete) response.setHeader('connection', 'close')
      answer(response, status)
    }
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      return refuse(405, 'method')
    }
    const type = request.headers['content-type']?.split(';')[0]!.trim().toLowerCase() ?? ''
    if (!TYPES.includes(type)) return refuse(415, 'type')
    if (!isSameOrigin(request)) return refuse(403, 'origin')
    const wait = take(request)
    if (wait > 0) {
      response.setHeader('retry-after', Math.ceil(wait / 1000))
      return refuse(429, 'rate')
    }
    const body = await readBody(request, LARGEST_BODY, BODY_TIMEOUT)
    if (typeof body !== 'string') return refuse(body.fault === 'size' ? 413 : 408, 'size')
    const content = contentOf(body, type)
    if (!content) return refuse(400, 'schema')
    onAccepted(content, request)
    answer(response, 204)
  }
}

/**
 * Returns whether the browser sent the request from a page of this host. Browsers send `Sec-Fetch-Site` over TLS and to localhost;
 * elsewhere `Origin` must name the host of the request. A request without both is not from a page.
 */
function isSameOrigin({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  const { origin, host } = headers
  return origin !== undefined && host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
}

function contentOf(body: string, type: string): IngestContent | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  }
  catch {
    return undefined
  }
  if (type === REPORTS) {
    const reports = parseBrowserReports(parsed)
    return reports && { reports }
  }
  const report = parseReport(parsed)
  return report && { report }
}

function answer(response: ServerResponse, status: number): void {
  if (response.headersSent || response.destroyed) return
  response.statusCode = status
  response.setHeader('cache-control', 'no-store')
  response.end()
}

/** Families by their mark in the user agent. The order matters, because most browsers also name others. */
const FAMILIES: [family: string, mark: RegExp][] = [
  ['edge', /\bEdg/],
  ['opera', /\bOPR\//],
  ['firefox', /\b(?:Firefox|FxiOS)\//],
  ['chrome', /\b(?:Chrome|Chromium|CriOS|HeadlessChrome)\//],
  ['safari', /\bSafari\//],
]

/** Returns the family of a browser from its user agent: `chrome`, `edge`, `firefox`, `safari`, `opera` or `other`. */
export function browserFamily(userAgent: string | undefined): string {
  return FAMILIES.find(([, mark]) => mark.test(userAgent ?? ''))?.[0] ?? 'other'
}
