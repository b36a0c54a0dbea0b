import type { ServerResponse } from 'node:http'
import type { App, H3Event } from 'h3'
import type { PathReadings } from '../core/paths'
import { readPath } from '../core/paths'
import { bodyOf } from '../request/errors'
import { addStage } from '../request/handler-chain'
import { deniedMessage, retryAfterSeconds, setRateLimitHeaders } from './headers'
import type { Limiter, RateLimitDecision } from './limiter'
import type { RateLimit } from './settings'
import { countsMethod } from './settings'

export interface RateLimitWrapOptions {
  limiter: Limiter
  ruleOf: (path: PathReadings, method: string) => RateLimit | undefined
  keyOf: (event: H3Event, rule: RateLimit) => string | Promise<string>
  headers: boolean
}

/** Counts requests before any code of the app runs, and answers requests above their limit with 429. */
export function wrapWithRateLimit(app: Pick<App, 'handler'>, { limiter, ruleOf, keyOf, headers }: RateLimitWrapOptions): void {
  let handler: (event: H3Event) => unknown = app.handler

  function limited(event: H3Event, rule: RateLimit): unknown {
    const key = keyOf(event, rule)
    const decision = typeof key === 'string' ? limiter.take(rule, key) : key.then(key => limiter.take(rule, key))
    return decision instanceof Promise ? decision.then(decision => proceed(event, rule, decision)) : proceed(event, rule, decision)
  }

  function proceed(event: H3Event, rule: RateLimit, decision: RateLimitDecision): unknown {
    if (headers && !rule.shadow && decision.by !== 'fallback') setRateLimitHeaders(event.node.res, rule, decision)
    if (decision.allowed || rule.shadow) return handler(event)
    return deny(event.node.res, decision)
  }

  function handle(event: H3Event): unknown {
    const rule = isInternal(event) ? undefined : ruleOf(readPath(event.path), event.method)
    if (rule === undefined || !countsMethod(rule, event.method)) return handler(event)
    return limited(event, rule)
  }

  addStage(app, 'rate-limit', (next) => {
    handler = next
    return handle
  })
}

/**
 * Returns whether this is a request of the server to itself. The request from outside that caused it was counted already.
 * Nitro creates such requests in memory with unenv, so they have a mark and no socket.
 */
function isInternal(event: H3Event): boolean {
  return '__unenv__' in event.node.req
}

/** Writes the response directly, because an error page would be expensive and an attack could exploit that. */
function deny(response: ServerResponse, decision: RateLimitDecision): void {
  const retryAfter = retryAfterSeconds(decision)
  response.statusCode = 429
  response.setHeader('retry-after', retryAfter)
  response.setHeader('cache-control', 'no-store')
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(bodyOf(429, 'RATE_LIMITED', deniedMessage(retryAfter))))
}
