import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { App } from 'h3'
import { BODY_HEADERS, isNotModified } from '../request/conditional'

/** Larger bodies, in bytes, get no `ETag`, because hashing them would delay other requests. */
const LARGEST_BODY = 1024 * 1024

/** The result of a handler that is about to be sent. */
interface Answer {
  body?: unknown
}

/**
 * Processes the result of every handler after all hooks.
 * It does not register a hook itself, because Nitro creates a task and two promises for each hook call.
 */
export function answerConditionally({ options }: Pick<App, 'options'>): void {
  const { onBeforeResponse } = options
  options.onBeforeResponse = (event, answer) => {
    const hooks = onBeforeResponse?.(event, answer)
    const { req, res } = event.node
    return hooks instanceof Promise ? hooks.then(() => makeConditional(req, res, answer)) : makeConditional(req, res, answer)
  }
}

/**
 * Adds an `ETag` to a response that has none, and answers 304 without a body if the copy of the client is still valid.
 * It does not change streams, responses that the handler sends itself, and responses that must not be stored.
 */
function makeConditional(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if ((request.method !== 'GET' && request.method !== 'HEAD') || response.headersSent || response.statusCode !== 200) return
  if (!response.hasHeader('etag') && mayBeTagged(response)) {
    const text = textOf(answer.body, response)
    if (text !== undefined && text.length <= LARGEST_BODY) {
      answer.body = text
      // The tag is weak because a compressing proxy changes the bytes but not their meaning.
      response.setHeader('etag', `W/"${hash('sha1', text, 'base64url')}"`)
    }
  }
  const { 'if-none-match': ifNoneMatch, 'if-modified-since': ifModifiedSince } = request.headers
  if (ifNoneMatch === undefined && ifModifiedSince === undefined) return
  const notModified = isNotModified(
    { ifNoneMatch, ifModifiedSince },
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

/** Returns the body that h3 would send, if it is complete in memory; undefined for other results, such as streams. */
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

/** Returns whether h3 sends this result as JSON: a boolean, a number, a list or a plain object. */
function isData(body: unknown): boolean {
  if (typeof body === 'boolean' || typeof body === 'number') return true
  if (typeof body !== 'object' || body === null) return false
  if (Array.isArray(body)) return true
  const prototype: unknown = Object.getPrototypeOf(body)
  return prototype === null || prototype === Object.prototype
}
