import type { H3Event } from 'h3'
import type { Limiter } from './limiter'
import type { RateLimit, RateLimitSettings } from './settings'

/** The limits of this process. */
export interface CurrentRateLimit {
  limiter: Limiter
  settings: RateLimitSettings
  keyOf: (event: H3Event, rule: RateLimit) => string | Promise<string>
}

let current: CurrentRateLimit | undefined

/** @throws Error before the server has started */
export function currentRateLimit(): CurrentRateLimit {
  if (!current) throw new Error('A rate limit was used before the server started: call consumeRateLimit() in a handler.')
  return current
}

export function setCurrentRateLimit(newCurrent: CurrentRateLimit | undefined): void {
  current = newCurrent
}
