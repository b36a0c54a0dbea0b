import { defineService } from '../core/service'
import type { H3Event } from 'h3'
import type { Limiter } from './limiter'
import type { RateLimit, RateLimitSettings } from './settings'

/** The limits of this process. */
export interface CurrentRateLimit {
  limiter: Limiter
  settings: RateLimitSettings
  keyOf: (event: H3Event, rule: RateLimit) => string | Promise<string>
}

/** The limits of this process. */
export const rateLimitService = defineService<CurrentRateLimit>('A rate limit was used before the server started: call consumeRateLimit() in a handler.')
