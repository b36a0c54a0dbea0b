import type { IncomingMessage } from 'node:http'
import type { App, EventHandler, H3Event } from 'h3'

/**
 * A browser's question before a request to another origin (Fetch standard, CORS preflight). It bears none of the app's headers and no cookie,
 * so it cannot name a tenant by them.
 */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}

/** Thrown in the place of a call of a handler. */
const UNANSWERED = Symbol('no handler for OPTIONS')

/**
 * Keeps preflights without a tenant from handlers that are not for OPTIONS alone: those may read data, and without a tenant it could be everybody's.
 * Such a preflight is answered with 204 and whatever headers middleware and route rules have set.
 *
 * @param app of Nitro
 * @param router the handler of its routes
 * @param hasNoTenant whether a request is a preflight that was let in without a tenant
 * @returns false when the routes were not found, and nothing may be let in
 */
export function fencePreflights({ stack }: Pick<App, 'stack'>, router: EventHandler, hasNoTenant: (event: H3Event) => boolean): boolean {
  const layer = stack.find(({ handler }) => handler === router)
  if (layer === undefined) return false
  layer.handler = Object.assign((event: H3Event) => hasNoTenant(event) ? askForOptions(event, router) : router(event), router)
  return true
}

async function askForOptions(event: H3Event, router: EventHandler): Promise<unknown> {
  // The router has no way to ask what it would call, but notes the route before it does.
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
