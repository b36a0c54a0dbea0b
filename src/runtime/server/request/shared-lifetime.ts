import type { ServerResponse } from 'node:http'

/** How long a cached route and shared caches may store a response. All times are in seconds. */
export interface SharedLifetime {
  /** How long a response is fresh. */
  fresh: number
  /** How long after that an old response may be served while a new one is fetched. */
  stale: number
}

/** A registered symbol, because the page bundle and the server bundle may each contain a copy of this file. */
const LIFETIME = Symbol.for('nuxt-scale.shared-lifetime')

type Noted = ServerResponse & { [LIFETIME]?: SharedLifetime }

/**
 * Returns the `Cache-Control` of a cached route whose handler sets none. Browsers revalidate each time, because invalidations
 * do not reach them; the `ETag` makes that cheap. It contains no `stale-while-revalidate`, because browsers would apply it too.
 */
export function routeCacheControl({ fresh }: SharedLifetime): string {
  return `max-age=0, s-maxage=${Math.floor(fresh)}`
}

/** Sets the `Cache-Control` of a cached route, and stores the lifetime with the response for the headers of a CDN. */
export function applySharedLifetime(response: ServerResponse, lifetime: SharedLifetime): void {
  response.setHeader('cache-control', routeCacheControl(lifetime));
  (response as Noted)[LIFETIME] = lifetime
}

/** Returns the lifetime of a response, if it still has the `Cache-Control` of its cached route. */
export function sharedLifetimeOf(response: ServerResponse): SharedLifetime | undefined {
  const lifetime = (response as Noted)[LIFETIME]
  return lifetime && response.getHeader('cache-control') === routeCacheControl(lifetime) ? lifetime : undefined
}
