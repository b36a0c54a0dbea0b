import type { IncomingMessage } from 'node:http'

/** What a cached handler sees of the request in place of the client's own. */
export interface RequestView {
  url: string
  originalUrl: string
  headers: Record<string, string | string[]>
}

/**
 * The request with everything hidden that is not part of the key: headers outside `varies`, query names outside
 * `allowQuery`. A HEAD is shown as a GET, since one entry answers both.
 */
export function narrowRequest(request: IncomingMessage, view: RequestView): IncomingMessage {
  const fields = Object.entries(view.headers)
  const overrides: Record<PropertyKey, unknown> = {
    method: 'GET',
    url: view.url,
    originalUrl: view.originalUrl,
    headers: view.headers,
    headersDistinct: Object.fromEntries(fields.map(([name, value]) => [name, [value].flat()])),
    rawHeaders: fields.flatMap(([name, value]) => [value].flat().flatMap(item => [name, item])),
  }
  return new Proxy(request, {
    get: (target, property, receiver) => property in overrides ? overrides[property] : Reflect.get(target, property, receiver),
    set(target, property, value, receiver) {
      if (!(property in overrides)) return Reflect.set(target, property, value, receiver)
      overrides[property] = value
      return true
    },
  })
}

/** The value of one header of the request as text, or undefined. */
export function requestHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return value === undefined ? undefined : String(value)
}

/** Whether the Cookie header holds a cookie of that name. */
export function hasCookie(request: IncomingMessage, name: string): boolean {
  return requestHeader(request, 'cookie')?.split(';').some(pair => pair.slice(0, (pair.indexOf('=') + 1 || pair.length + 1) - 1).trim() === name) ?? false
}
