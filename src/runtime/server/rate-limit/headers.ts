import type { ServerResponse } from 'node:http'
import type { RateLimitDecision } from './limiter'
import type { RateLimit } from './settings'

/**
 * Sets the headers of a limit, such as `RateLimit-Policy: "api";q=10;w=1` and `RateLimit: "api";r=3;t=1`.
 *
 * @see draft-ietf-httpapi-ratelimit-headers
 */
export function setRateLimitHeaders(response: ServerResponse, { label, policy }: RateLimit, { remaining, reset }: RateLimitDecision): void {
  response.setHeader('ratelimit-policy', policy)
  response.setHeader('ratelimit', `${label};r=${remaining};t=${seconds(reset)}`)
}

/** Returns the value of `Retry-After` in whole seconds, rounded up because an earlier retry would be denied again. */
export function retryAfterSeconds({ retryAfter }: RateLimitDecision): number {
  return Math.max(1, seconds(retryAfter))
}

/** Returns the message for the client of a denied request. */
export function deniedMessage(retryAfter: number): string {
  return `Too many requests: try again in ${retryAfter} s.`
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000)
}
