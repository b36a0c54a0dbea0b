import type { IncomingMessage } from 'node:http'
import type { App, EventHandler, H3Event } from 'h3'

/**
 * Whether a request is a CORS preflight: the request that a browser sends before a cross-origin request.
 * It has no cookie and none of the app's headers, so these cannot name its tenant.
 *
 * @see https://fetch.spec.whatwg.org/#cors-preflight-request
 */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}

/** Thrown instead of calling a handler that is not registered for OPTIONS. */
const UNANSWERED = Symbol('no handler for OPTIONS')

/**
 * Sends preflights without a tenant only to handlers that are registered for OPTIONS.
 * A catch-all handler might read data; without a tenant, that could be any tenant's data.
 * Other preflights get 204 with the headers that middleware and route rules set.
 *
 * @param app the h3 app of Nitro
 * @param router the handler of the app's routes
 * @param hasNoTenant whether a request is a preflight that was accepted without a tenant
 * @returns false if `router` is not part of the app. No preflight may then pass without a tenant
 */
export function fencePreflights({ stack }: Pick<App, 'stack'>, router: EventHandler, hasNoTenant: (event: H3Event) => boolean): boolean {
  const layer = stack.find(({ handler }) => handler === router)
  if (layer === undefined) return false
  layer.handler = Object.assign((event: H3Event) => hasNoTenant(event) ? askForOptions(event, router) : router(event), router)
  return true
}

async function askForOptions(event: H3Event, router: EventHandler): Promise<unknown> {
  // The router has no method that returns the matched route, but it assigns `matchedRoute` before it calls the handler.
  Object.defineProperty(event.context, 'matchedRoute', {
    configurable: true,
    enumerable: true,
    set(route: { handlers: { options?: EventHandler } }) {
      if (route.handlers.options === undefined) throw UNANSWERED
      Object.defineProperty(event.context, 'matchedRoute', { value: route, writable: true, configurable: true, enumerable: true })
    },
  })
  try {
    return await router(event)
  }
  catch (error) {
    if (error !== UNANSWERED) throw error
    return null
  }
}
