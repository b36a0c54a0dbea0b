import { defineService } from '../core/service'
import type { H3Event } from 'h3'
import type { Limiter } from './limiter'
import type { RateLimit, RateLimitSettings } from './settings'

/** The rate limiting feature of this process. */
export interface CurrentRateLimit {
  limiter: Limiter
  settings: RateLimitSettings
  keyOf: (event: H3Event, rule: RateLimit) => string | Promise<string>
}

/** Access to the rate limiting feature of this process. */
export const rateLimitService = defineService<CurrentRateLimit>(
  'consumeRateLimit() was called before the server started: call it in a handler.',
)
