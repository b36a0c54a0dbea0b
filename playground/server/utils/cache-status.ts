import type { H3Event } from 'h3'

/** Sets the `Cache-Status` header (RFC 9211) for responses that are not cached routes, which set it themselves. */
export function setCacheStatus(event: H3Event, source: string): void {
  setResponseHeader(event, 'cache-status', `shop; detail=${source}`)
}
