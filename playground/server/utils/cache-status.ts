import type { H3Event } from 'h3'

/** Says in the words of RFC 9211 who answered, for surfaces that are no cached route and so do not say it themselves. */
export function setCacheStatus(event: H3Event, source: string): void {
  setResponseHeader(event, 'cache-status', `shop; detail=${source}`)
}
