import type { H3Event } from 'h3'
import { rateLimitService } from './service'
import { PublicError } from '../request/errors'
import { deniedMessage, retryAfterSeconds, setRateLimitHeaders } from './headers'
import { hashed } from './key'
import type { RateLimitDecision } from './limiter'
import type { RateLimit, RateLimitRule } from './settings'
import { resolveRateLimit } from './settings'

export type { RateLimitDecision, RateLimitStats } from './limiter'

/** A limit that a handler applies itself with {@link consumeRateLimit}. */
export interface ConsumeRateLimitRule extends Omit<RateLimitRule, 'key' | 'methods'> {
  /** Name of the limit. Handlers that use the same name share its buckets. */
  name: string
  /**
   * Key of the caller, such as a user id or an e-mail address. Redis stores a hash of it.
   * @default the client address
   */
  key?: string
  /**
   * Whether a denied call throws. With `false`, it returns the decision.
   * @default true
   */
  throws?: boolean
}

/** Validated rules of handlers, by name. Handlers pass the same rule on each call, so it is validated only once. */
const resolved = new Map<string, { source: string, rule: RateLimit }>()
/** Largest number of validated rules, because names that contain request data would otherwise fill the memory. */
const MOST_NAMES = 1000

/**
 * Counts the current request against a limit of the handler, over all instances.
 * It counts as `rule.cost` requests, 1 by default.
 *
 * @returns the decision, including the number of remaining requests
 * @throws HttpError 429 with `Retry-After` if the limit is reached, unless `rule.throws` is `false`
 * @throws TypeError if the rule is invalid
 * @example
 * ```ts
 * const { email } = await readBody(event)
 * await consumeRateLimit(event, { name: 'login', limit: 5, window: '15m', key: email })
 * ```
 */
export async function consumeRateLimit(event: H3Event, { throws = true, key, ...given }: ConsumeRateLimitRule): Promise<RateLimitDecision> {
  const { limiter, settings, keyOf } = rateLimitService.use()
  const rule = resolveOnce(given)
  const decision = await limiter.take(rule, key === undefined ? await keyOf(event, rule) : hashed(key))
  const { res } = event.node
  if (settings.headers && !rule.shadow && decision.by !== 'fallback' && !res.headersSent) setRateLimitHeaders(res, rule, decision)
  if (decision.allowed || rule.shadow || !throws) return decision
  const retryAfter = retryAfterSeconds(decision)
  throw new PublicError(429, 'RATE_LIMITED', deniedMessage(retryAfter), { retryAfter })
}

function resolveOnce({ name, ...rule }: Omit<ConsumeRateLimitRule, 'throws' | 'key'>): RateLimit {
  const source = JSON.stringify(rule)
  const known = resolved.get(name)
  if (known?.source === source) return known.rule
  const fresh = resolveRateLimit(name, rule, `The rule ${JSON.stringify(name)} of consumeRateLimit()`)
  if (resolved.size >= MOST_NAMES) resolved.clear()
  resolved.set(name, { source, rule: fresh })
  return fresh
}
