import type { IncomingMessage } from 'node:http'

/** The parts of a request that a cached handler sees. */
export interface RequestView {
  url: string
  originalUrl: string
  headers: Record<string, string | string[]>
}

/**
 * Returns the request without the parts that are not in the key: headers outside `varies` and query parameters outside `allowQuery`.
 * The method is always GET, because one entry answers GET and HEAD.
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

/** Returns the value of a request header as a string, or undefined. */
export function requestHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return value === undefined ? undefined : String(value)
}

/** Whether the Cookie header contains a cookie with that name. */
export function hasCookie(request: IncomingMessage, name: string): boolean {
  return requestHeader(request, 'cookie')?.split(';')
    .some(pair => pair.slice(0, (pair.indexOf('=') + 1 || pair.length + 1) - 1).trim() === name) ?? false
}
