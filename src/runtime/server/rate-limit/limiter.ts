import { LRUCache } from 'lru-cache'
import { RedisTimeoutError } from '../redis/errors'
import type { Bucket, Verdict } from './gcra'
import { remainingOf, shareOf, waitOf } from './gcra'
import type { SharedLimits } from './shared-limits'
import { createMemoryStore } from './memory-store'
import type { RateLimit } from './settings'

/** What became of a request, in the words of its headers. */
export interface RateLimitDecision {
  allowed: boolean
  /** Further requests that would pass now. */
  remaining: number
  /** Milliseconds until the bucket is empty again. */
  reset: number
  /** Milliseconds after which this request would pass; 0 when it does. */
  retryAfter: number
  /** Who decided: the shared buckets, those of this process, or nobody, because the store is gone and the rule says so. */
  by: 'redis' | 'memory' | 'fallback'
}

/** What the limiter has done, for metrics. */
export interface RateLimitStats {
  allowed: number
  denied: number
  /** Denials of shadow rules, whose requests went through. */
  shadowed: number
  /** Decisions without Redis although it is configured. */
  fallbacks: number
}

export interface LimiterOptions {
  /** Shared buckets; without them those of this process decide. */
  shared: SharedLimits | undefined
  /** Part of each limit that is this process's own while the shared buckets are gone. */
  share: number
  /** Told once when the shared buckets are gone, and once when they are back. */
  onShared: (reachable: boolean, error?: unknown) => void
  /** Milliseconds by a clock that never goes back. */
  now?: () => number
}

export interface Limiter {
  /**
   * Takes `cost` from the bucket of a key. At once where nobody else is asked.
   * @throws TypeError when the rule could never let that cost pass
   */
  take: (rule: RateLimit, key: string, cost?: number) => RateLimitDecision | Promise<RateLimitDecision>
  readonly stats: RateLimitStats
}

/** Keys that are known to be denied for a while, at most. */
const MOST_BLOCKED = 50_000
/** A denial is remembered when it holds longer than this many ms; a shorter one is over before it saves anything. */
const WORTH_REMEMBERING = 5

/**
 * Limits over all instances, or over this process where there is no Redis.
 * A denied key is not asked for again before its time: an attack costs Redis one call an interval.
 */
export function createLimiter({ shared, share, onShared, now = () => performance.now() }: LimiterOptions): Limiter {
  const stats: RateLimitStats = { allowed: 0, denied: 0, shadowed: 0, fallbacks: 0 }
  const own = createMemoryStore(() => Math.floor(now() * 1000))
  const blocked = new LRUCache<string, { until: number, cost: number, empty: number }>({ max: MOST_BLOCKED })
  let reachable = true

  function hear(isReachable: boolean, error?: unknown): void {
    if (reachable === isReachable) return
    reachable = isReachable
    onShared(isReachable, error)
  }

  function decideHere(bucket: Bucket, key: string, cost: number, isTold = false): RateLimitDecision {
    return decisionOf(bucket, own.take(key, bucket, cost, isTold), cost, 'memory')
  }

  /** One promise a decision: everything waits for this. */
  function ask({ take }: SharedLimits, rule: RateLimit, key: string, cost: number): Promise<RateLimitDecision> {
    const debt = own.debtOf(key)
    if (debt > 0) return askWithDebt(take, rule, key, cost, debt)
    return take(key, rule.bucket, cost).then(answer => shareDecision(rule, key, cost, answer), error => decideAlone(rule, key, cost, error))
  }

  /** The first answer of the shared bucket after requests that it was not asked about. Without them it would hand out a bucket that is too empty. */
  function askWithDebt(take: SharedLimits['take'], rule: RateLimit, key: string, cost: number, debt: number): Promise<RateLimitDecision> {
    const takeBack = own.tell(key)
    // The buckets of all processes together drain as fast as the shared one.
    return take(key, rule.bucket, cost, Math.ceil(debt * share / 1000) * 1000).then(answer => shareDecision(rule, key, cost, answer), (error) => {
      takeBack()
      return decideAlone(rule, key, cost, error)
    })
  }

  function shareDecision(rule: RateLimit, key: string, cost: number, answer: number): RateLimitDecision {
    const verdict = answer < 0 ? { allowed: false, fill: -1 - answer } : { allowed: true, fill: answer }
    const decision = decisionOf(rule.bucket, verdict, cost, 'redis')
    own.learn(key, verdict.fill)
    hear(true)
    if (!decision.allowed && decision.retryAfter > WORTH_REMEMBERING) {
      const heard = now()
      blocked.set(key, { until: heard + decision.retryAfter, cost, empty: heard + decision.reset })
    }
    return count(rule, decision)
  }

  function decideAlone(rule: RateLimit, key: string, cost: number, error: unknown): RateLimitDecision {
    hear(false, error)
    stats.fallbacks++
    if (rule.fallback !== 'memory') return count(rule, withoutCount(rule.fallback === 'open'))
    // A call that is only late is with Redis already, which counts it when it comes to it.
    return count(rule, decideHere(shareOf(rule.bucket, share, cost), key, cost, error instanceof RedisTimeoutError))
  }

  /** What is known without asking: the key is denied until its time has come. */
  function blockOf(key: string, cost: number): RateLimitDecision | undefined {
    const block = blocked.size === 0 ? undefined : blocked.get(key)
    const moment = block === undefined ? 0 : now()
    if (block === undefined || moment >= block.until || cost < block.cost) return undefined
    return { allowed: false, remaining: 0, reset: block.empty - moment, retryAfter: block.until - moment, by: 'redis' }
  }

  function count(rule: RateLimit, decision: RateLimitDecision): RateLimitDecision {
    if (decision.allowed) stats.allowed++
    else if (rule.shadow) stats.shadowed++
    else stats.denied++
    return decision
  }

  return {
    stats,
    take(rule, ofKey, cost = rule.cost) {
      const { bucket } = rule
      if (cost * bucket.interval > bucket.capacity) {
        return Promise.reject(new TypeError(`A request of cost ${cost} never passes the rate limit "${rule.name}", which lets ${bucket.capacity / bucket.interval} through at once: raise its burst, or lower the cost.`))
      }
      const key = `${rule.name}:${ofKey}`
      if (shared === undefined) return count(rule, decideHere(bucket, key, cost, true))
      const block = blockOf(key, cost)
      return block === undefined ? ask(shared, rule, key, cost) : count(rule, block)
    },
  }
}

function decisionOf(bucket: Bucket, { allowed, fill }: Verdict, cost: number, by: RateLimitDecision['by']): RateLimitDecision {
  return { allowed, remaining: remainingOf(bucket, fill), reset: fill / 1000, retryAfter: allowed ? 0 : waitOf(bucket, fill, cost) / 1000, by }
}

/** The rule would rather not count at all than by the process. */
function withoutCount(allowed: boolean): RateLimitDecision {
  return { allowed, remaining: 0, reset: 0, retryAfter: allowed ? 0 : 1000, by: 'fallback' }
}
