import type { H3Event } from 'h3'
import { rateLimitService } from './service'
import { PublicError } from '../request/errors'
import { deniedMessage, retryAfterSeconds, setRateLimitHeaders } from './headers'
import { hashed } from './key'
import type { RateLimitDecision } from './limiter'
import type { RateLimit, RateLimitRule } from './settings'
import { resolveRateLimit } from './settings'

export type { RateLimitDecision, RateLimitStats } from './limiter'

/** A limit that a handler takes from by itself. */
export interface ConsumeRateLimitRule extends Omit<RateLimitRule, 'key' | 'methods'> {
  /** Names its buckets: the same name in two handlers is one limit. */
  name: string
  /** Whose bucket: a user's id, an e-mail address. Redis keeps a hash of it. Default: the client's address. */
  key?: string
  /**
   * Whether a denied call throws. With `false` the decision is returned.
   * @default true
   */
  throws?: boolean
}

/** Rules that handlers pass, by their name: they are written where they are used, and are the same each time. */
const resolved = new Map<string, { source: string, rule: RateLimit }>()
/** A name made of a request's data would fill the memory. */
const MOST_NAMES = 1000

/**
 * Takes one request, or `rule.cost` of them, from a limit of the handler's own, over all instances.
 *
 * @returns what is left
 * @throws HttpError 429 with `Retry-After` when the limit is reached, unless `rule.throws` is `false`
 * @throws TypeError for a wrong rule
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
