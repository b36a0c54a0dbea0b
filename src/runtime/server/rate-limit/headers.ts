import type { ServerResponse } from 'node:http'
import type { RateLimitDecision } from './limiter'
import type { RateLimit } from './settings'

/**
 * Says how much is left, by `draft-ietf-httpapi-ratelimit-headers`: `RateLimit-Policy: "api";q=10;w=1`, `RateLimit: "api";r=3;t=1`.
 */
export function setRateLimitHeaders(response: ServerResponse, { label, policy }: RateLimit, { remaining, reset }: RateLimitDecision): void {
  response.setHeader('ratelimit-policy', policy)
  response.setHeader('ratelimit', `${label};r=${remaining};t=${seconds(reset)}`)
}

/** Whole seconds for `Retry-After`: early would be denied again. */
export function retryAfterSeconds({ retryAfter }: RateLimitDecision): number {
  return Math.max(1, seconds(retryAfter))
}

/** What the client of a denied request is told. */
export function deniedMessage(retryAfter: number): string {
  return `Too many requests: try again in ${retryAfter} s.`
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000)
}
