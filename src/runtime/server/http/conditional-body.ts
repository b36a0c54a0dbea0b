import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { App } from 'h3'
import { BODY_HEADERS, isNotModified } from '../conditional'

/** Bodies over this many bytes get no tag: hashing them would hold up everybody else. */
const LARGEST_BODY = 1024 * 1024

/** The answer of a handler, on its way to be sent. */
export interface Answer {
  body?: unknown
}

/** Looks at every answer of a handler after all hooks have, with no hook of its own: Nitro makes a task and two promises for each. */
export function answerConditionally({ options }: Pick<App, 'options'>): void {
  const { onBeforeResponse } = options
  options.onBeforeResponse = (event, answer) => {
    const hooks = onBeforeResponse?.(event, answer)
    const { req, res } = event.node
    return hooks instanceof Promise ? hooks.then(() => makeConditional(req, res, answer)) : makeConditional(req, res, answer)
  }
}

/**
 * Gives an answer an `ETag` where it has none, and leaves its body out when the client's copy is still good.
 * Streams and what is written by hand pass as they are, and so does what must not be stored.
 */
export function makeConditional(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if ((request.method !== 'GET' && request.method !== 'HEAD') || response.headersSent || response.statusCode !== 200) return
  if (!response.hasHeader('etag') && mayBeTagged(response)) {
    const text = textOf(answer.body, response)
    if (text !== undefined && text.length <= LARGEST_BODY) {
      answer.body = text
      // Weak: a compressing proxy on the way changes the bytes, not what they say.
      response.setHeader('etag', `W/"${hash('sha1', text, 'base64url')}"`)
    }
  }
  const { headers } = request
  const notModified = isNotModified(
    { ifNoneMatch: headers['if-none-match'], ifModifiedSince: headers['if-modified-since'] },
    { etag: response.getHeader('etag')?.toString(), lastModified: response.getHeader('last-modified')?.toString() },
  )
  if (!notModified) return
  response.statusCode = 304
  for (const name of BODY_HEADERS) response.removeHeader(name)
  answer.body = null
}

function mayBeTagged(response: ServerResponse): boolean {
  return !response.hasHeader('set-cookie') && !/no-store/i.test(String(response.getHeader('cache-control') ?? ''))
}

/** What h3 would send, for the kinds of answers that are all there; undefined for others. */
function textOf(body: unknown, response: ServerResponse): string | Buffer | undefined {
  if (typeof body === 'string') {
    if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/html')
    return body
  }
  if (Buffer.isBuffer(body)) return body
  if (!isData(body)) return undefined
  const text = JSON.stringify(body)
  if (text !== undefined && !response.hasHeader('content-type')) response.setHeader('content-type', 'application/json')
  return text
}

/** A list or a plain object, which h3 sends as JSON. */
function isData(body: unknown): boolean {
  if (typeof body === 'boolean' || typeof body === 'number') return true
  if (typeof body !== 'object' || body === null) return false
  if (Array.isArray(body)) return true
  const prototype: unknown = Object.getPrototypeOf(body)
  return prototype === null || prototype === Object.prototype
}
