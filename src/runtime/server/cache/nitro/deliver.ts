import type { H3Event } from 'h3'
import type { ServerResponse } from 'node:http'
import type { CacheSource } from '../types'
import { mergeVary } from './cacheability'
import { BODY_HEADERS, isNotModified } from '../../request/conditional'
import type { SharedLifetime } from '../../request/shared-lifetime'
import { applySharedLifetime } from '../../request/shared-lifetime'
import type { LiveResponse } from './render'
import { requestHeader } from './request'

/** Options of sending a response. */
export interface DeliveryOptions {
  /** False for a response that must not be stored. It is sent as the handler made it. */
  cacheable: boolean
  source: CacheSource
  /** Lifetime for `Cache-Control`, if neither the handler nor a route rule set that header. */
  lifetime: SharedLifetime
  varies: readonly string[]
  /** Whether to send `Cache-Status` with the source of the response. */
  debug: boolean
  splitCookies: (header: string | string[]) => string[]
}

/**
 * Sends a response, or a 304 if the client has it already. Both have the same headers, except those of the body.
 *
 * @returns the body for h3 to send, or undefined when the response is complete
 */
export function deliver(event: H3Event, response: LiveResponse, options: DeliveryOptions): unknown {
  const { res } = event.node
  if (res.headersSent || res.writableEnded) return undefined
  const notModified = options.cacheable && response.status === 200 && clientHas(event, response)
  setHeaders(res, response, options, notModified)
  if (notModified) {
    res.statusCode = 304
    res.end()
    return undefined
  }
  res.statusCode = response.status
  // h3 does not send the body of a HEAD response, so its length must be set here.
  if (event.method === 'HEAD' && Buffer.isBuffer(response.body)) res.setHeader('content-length', response.body.length)
  return response.body
}

function clientHas(event: H3Event, { headers }: LiveResponse): boolean {
  const { req } = event.node
  return isNotModified(
    { ifNoneMatch: requestHeader(req, 'if-none-match'), ifModifiedSince: requestHeader(req, 'if-modified-since') },
    { etag: headers.etag?.toString(), lastModified: headers['last-modified']?.toString() },
  )
}

function setHeaders(res: ServerResponse, response: LiveResponse, options: DeliveryOptions, notModified: boolean): void {
  for (const [name, value] of Object.entries(response.headers)) {
    if (name === 'set-cookie') res.appendHeader(name, options.splitCookies(value))
    else if (name !== 'vary' && (!notModified || !BODY_HEADERS.has(name))) res.setHeader(name, value)
  }
  const vary = mergeVary([res.getHeader('vary'), response.headers.vary].flat(), options.cacheable ? options.varies : [])
  if (vary) res.setHeader('vary', vary)
  if (options.cacheable) setCacheHeaders(res, response, options)
  if (options.debug) res.appendHeader('cache-status', cacheStatus[options.source])
}

function setCacheHeaders(res: ServerResponse, response: LiveResponse, { lifetime, source }: DeliveryOptions): void {
  if (!res.hasHeader('cache-control')) applySharedLifetime(res, lifetime)
  if (source !== 'loader') res.setHeader('age', String(Math.max(0, Math.floor((Date.now() - response.time) / 1000))))
}

/** `Cache-Status` headers (RFC 9211), which name the level in `detail`. They are constants, so that a hit allocates nothing. */
const cacheStatus: Readonly<Record<CacheSource, string>> = {
  l1: 'nuxt-scale; hit; detail=l1',
  l2: 'nuxt-scale; hit; detail=l2',
  stale: 'nuxt-scale; hit; detail=stale',
  loader: 'nuxt-scale; fwd=miss; detail=loader',
  uncacheable: 'nuxt-scale; fwd=miss; detail=uncacheable',
}
