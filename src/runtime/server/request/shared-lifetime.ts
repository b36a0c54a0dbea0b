import type { ServerResponse } from 'node:http'

/** How long a cached route keeps its responses, and so how long a shared cache may. Seconds. */
export interface SharedLifetime {
  /** How long a response is fresh. */
  fresh: number
  /** How long after that the old one may be served while a new one is fetched. */
  stale: number
}

/** A registered symbol, since the page bundle and the server bundle may each hold a copy of this file. */
const LIFETIME = Symbol.for('nuxt-scale.shared-lifetime')

type Noted = ServerResponse & { [LIFETIME]?: SharedLifetime }

/**
 * The `Cache-Control` of a cached route whose handler sets none. A browser asks again each time, since no invalidation reaches its copy;
 * the `ETag` makes that cheap. It names no time for stale copies, because browsers would take it for theirs.
 */
export function routeCacheControl({ fresh }: SharedLifetime): string {
  return `max-age=0, s-maxage=${Math.floor(fresh)}`
}

/** Gives a response the `Cache-Control` of its cached route, and notes the lifetime for whoever tells the shared cache in front more. */
export function applySharedLifetime(response: ServerResponse, lifetime: SharedLifetime): void {
  response.setHeader('cache-control', routeCacheControl(lifetime));
  (response as Noted)[LIFETIME] = lifetime
}

/** The lifetime of a response that still has the `Cache-Control` of its cached route. */
export function sharedLifetimeOf(response: ServerResponse): SharedLifetime | undefined {
  const lifetime = (response as Noted)[LIFETIME]
  return lifetime && response.getHeader('cache-control') === routeCacheControl(lifetime) ? lifetime : undefined
}
