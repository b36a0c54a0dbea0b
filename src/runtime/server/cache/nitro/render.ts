import type { EventHandler, H3Event } from 'h3'
import { sharedLifetimeOf } from '../../request/shared-lifetime'
import type { LoadContext } from '../types'
import { collectBody, toBytes, toWebStream } from './body'
import type { CollectedBody } from './body'
import { isPersonalHeader, storageLimitsOf } from './cacheability'
import type { ResponseHeaders } from './cacheability'
import type { NitroCacheHost } from './host'
import { ResponseRecorder } from './recorder'
import { narrowRequest } from './request'
import type { RequestView } from './request'
import type { CachedResponse } from './response'
import { shortHash } from './serialize'
import { withLoad } from './tags'

/**
 * A response for the request that loaded it. Unlike in a stored response, the body may be a stream (it exceeds the size limit)
 * or undefined (the handler returned nothing, so h3 calls the next handler).
 */
export interface LiveResponse extends Omit<CachedResponse, 'body'> {
  body: CachedResponse['body'] | ReadableStream<Uint8Array> | undefined
}

/** Options of one run of a handler. */
export interface RenderOptions {
  handler: EventHandler
  event: H3Event
  view: RequestView
  varies: readonly string[]
  integrity: string
  context: LoadContext
  /** Value of `event.context.cache.options` in the handler, as in Nitro. */
  cacheOptions: unknown
}

/**
 * Runs the handler on a separate event and records its response. If the response is personal, it calls `uncacheable` as early as possible,
 * so that waiting callers stop waiting and load for themselves.
 *
 * @throws the error of the handler
 */
export async function renderResponse(options: RenderOptions, host: NitroCacheHost): Promise<LiveResponse> {
  const { context, event: incoming, view } = options
  const limit = host.settings().maxBodySize
  const request = narrowRequest(incoming.node.req, view)
  const recorder = new ResponseRecorder({
    request,
    limit,
    onHeader: (name, value) => {
      if (isPersonalHeader(name, value)) context.uncacheable()
    },
  })
  const event = host.createEvent(request, recorder.asServerResponse())
  inherit(event, incoming, view.url)
  event.context.cache = { options: options.cacheOptions }

  const handling = withLoad(event, context, () => options.handler(event))
  // A handler that writes a body over the limit ends only after the client has read it, so the body may be available first.
  const first = await Promise.race([handling.then(value => ({ value })), recorder.recorded.then(body => ({ body }))])
  handling.catch((error: unknown) => recorder.destroy(error instanceof Error ? error : new Error(String(error))))
  const body = 'body' in first && !Buffer.isBuffer(first.body)
    ? { stream: first.body }
    : await bodyOf('value' in first ? first.value : await handling, event, recorder, limit, context.signal)
  return finish(body, recorder, limit, options)
}

function inherit(event: H3Event, incoming: H3Event, path: string): void {
  event._path = path
  event.context = incoming.context
  event.waitUntil = incoming.waitUntil
  event.captureError = incoming.captureError
}

/** Undefined: the handler returned no response. Null: the response has no body. */
type RenderedBody = CollectedBody | { text: string } | null | undefined

async function bodyOf(
  value: unknown, event: H3Event, recorder: ResponseRecorder, limit: number, signal: AbortSignal,
): Promise<RenderedBody> {
  if (recorder.writableEnded || recorder.written || event._handled || value === recorder) {
    // As in h3: a value that the handler returns after its writes is the last chunk.
    if (!recorder.writableEnded && (typeof value === 'string' || value instanceof Uint8Array)) recorder.end(value)
    return recordedBody(recorder, signal)
  }
  if (value === undefined) return undefined
  if (value === null) {
    // As in h3: the return value null is a 204, unless the handler set another status.
    if (recorder.statusCode === 200) recorder.statusCode = 204
    return null
  }
  if (value instanceof Error) throw value
  if (value instanceof Response) return webBody(value, recorder, limit, signal)
  const stream = toWebStream(value)
  if (stream) return collectBody(stream, limit, signal)
  return plainBody(value, recorder)
}

async function recordedBody(recorder: ResponseRecorder, signal: AbortSignal): Promise<CollectedBody> {
  const stop = () => recorder.destroy(signal.reason instanceof Error
    ? signal.reason
    : new Error('The cached handler did not end its response in time.'))
  signal.addEventListener('abort', stop, { once: true })
  try {
    const body = await recorder.recorded
    return Buffer.isBuffer(body) ? { bytes: body } : { stream: body }
  }
  finally {
    signal.removeEventListener('abort', stop)
  }
}

async function webBody(response: Response, recorder: ResponseRecorder, limit: number, signal: AbortSignal): Promise<RenderedBody> {
  for (const [name, value] of response.headers) {
    if (name === 'set-cookie') recorder.appendHeader(name, value)
    else recorder.setHeader(name, value)
  }
  recorder.statusCode = response.status
  recorder.statusMessage = response.statusText
  return response.body ? collectBody(response.body, limit, signal) : { bytes: Buffer.alloc(0) }
}

async function plainBody(value: unknown, recorder: ResponseRecorder): Promise<RenderedBody> {
  if (typeof value === 'string') {
    setDefaultType(recorder, 'text/html')
    return { text: value }
  }
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return { bytes: Buffer.from(toBytes(value)) }
  if (value instanceof Blob) {
    setDefaultType(recorder, value.type)
    return { bytes: Buffer.from(await value.arrayBuffer()) }
  }
  if (typeof value === 'symbol' || typeof value === 'function') {
    throw new TypeError(`A cached handler returned a ${typeof value}, which cannot be sent: return data, a Response or a stream.`)
  }
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value) as string | undefined
  if (text === undefined) return undefined
  setDefaultType(recorder, 'application/json')
  return { text }
}

function setDefaultType(recorder: ResponseRecorder, type: string): void {
  if (type && !recorder.hasHeader('content-type')) recorder.setHeader('content-type', type)
}

function finish(
  rendered: RenderedBody, recorder: ResponseRecorder, limit: number, { context, integrity, varies }: RenderOptions,
): LiveResponse {
  const headers = recorder.getHeaders()
  const status = recorder.statusCode
  const time = Date.now()
  const body = contentOf(rendered)
  const isWhole = body !== undefined && !(body instanceof ReadableStream)
  const limits = storageLimitsOf(status, headers, varies, sharedLifetimeOf(recorder.asServerResponse()), time)
  if (isWhole && limits) {
    context.shorten(limits.fresh, limits.stale)
    addValidators(headers, body, time)
  }
  else {
    context.uncacheable()
  }
  if (isWhole && (body?.length ?? 0) > limit) context.uncacheable()
  return { status, headers, body, time, integrity }
}

function contentOf(rendered: RenderedBody): LiveResponse['body'] {
  if (!rendered) return rendered
  if ('text' in rendered) return Buffer.from(rendered.text)
  return 'bytes' in rendered ? rendered.bytes : rendered.stream
}

/** Adds `ETag` and `Last-Modified`. It removes `Content-Length`, because Node sets it for the body that is sent. */
function addValidators(headers: ResponseHeaders, body: Buffer | null, time: number): void {
  headers.etag ??= `W/"${shortHash(body ?? '')}"`
  headers['last-modified'] ??= new Date(time).toUTCString()
  delete headers['content-length']
}
