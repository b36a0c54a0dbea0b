import { LRUCache } from 'lru-cache'
import { RedisTimeoutError } from '../redis/errors'
import { instrument } from '../core/instruments'
import type { Bucket, Decision } from '../core/gcra'
import { remainingOf, shareOf, waitOf } from '../core/gcra'
import { createMemoryLimits } from './memory-limits'
import type { RateLimit } from './settings'

/** The decision about one request. */
export interface RateLimitDecision {
  /** Whether the request is within the limit. */
  allowed: boolean
  /** Number of further requests that would pass now. */
  remaining: number
  /** Milliseconds until the bucket is empty again. */
  reset: number
  /** Milliseconds after which this request would pass; 0 if it is allowed. */
  retryAfter: number
  /**
   * Store that made the decision: `redis` for the shared buckets, `memory` for the buckets of this process,
   * `fallback` if Redis is unavailable and the rule has `fallback: 'open'` or `'closed'`.
   */
  by: 'redis' | 'memory' | 'fallback'
}

/** Counters for metrics. */
export interface RateLimitStats {
  allowed: number
  denied: number
  /** Denials of shadow rules, whose requests passed anyway. */
  shadowed: number
  /** Decisions without Redis although it is configured. */
  fallbacks: number
}

/** Options of {@link createLimiter}. */
export interface LimiterOptions {
  /** Shared buckets. If undefined, the buckets of this process decide. */
  shared: SharedLimits | undefined
  /** Part of each limit, from 0 to 1, that this process allows while the shared buckets are unavailable. */
  share: number
  /** Called once when the shared buckets become unavailable, and once when they are available again. */
  onShared: (reachable: boolean, error?: unknown) => void
  /** Milliseconds of a monotonic clock. */
  now?: () => number
}

/** Decides about requests, and counts its decisions. */
export interface Limiter {
  /**
   * Takes `cost` from the bucket of a key. The decision is synchronous if Redis is not needed.
   * @throws TypeError if the rule could never allow that cost
   */
  take: (rule: RateLimit, key: string, cost?: number) => RateLimitDecision | Promise<RateLimitDecision>
  readonly stats: RateLimitStats
}

/** A denied key: no request of at least this cost can pass before `until`. The bucket is empty at `empty`. */
interface Block {
  until: number
  cost: number
  empty: number
}

const decisions = instrument('scale.rate_limit.decisions')
const durations = instrument('scale.rate_limit.duration')

/** Largest number of denied keys that are remembered. */
const MOST_BLOCKED = 50_000
/** Denials longer than this many milliseconds are remembered. A shorter one would expire before it saves a call to Redis. */
const WORTH_REMEMBERING = 5

/**
 * Creates a limiter for all instances together, or for this process if there is no Redis.
 * It remembers denied keys and does not ask Redis about them again before they may pass, so an attack costs Redis one call per interval.
 */
export function createLimiter({ shared, share, onShared, now = () => performance.now() }: LimiterOptions): Limiter {
  const stats: RateLimitStats = { allowed: 0, denied: 0, shadowed: 0, fallbacks: 0 }
  const own = createMemoryLimits(() => Math.floor(now() * 1000))
  const blocked = new LRUCache<string, Block>({ max: MOST_BLOCKED })
  let reachable = true

  function noteReachable(isReachable: boolean, error?: unknown): void {
    if (reachable === isReachable) return
    reachable = isReachable
    onShared(isReachable, error)
  }

  function decideHere(bucket: Bucket, key: string, cost: number, isTold = false): RateLimitDecision {
    return decisionOf(bucket, own.take(key, bucket, cost, isTold), cost, 'memory')
  }

  /** Creates only one promise per decision, because every request waits for it. */
  function ask({ take }: SharedLimits, rule: RateLimit, key: string, cost: number): Promise<RateLimitDecision> {
    const debt = own.debtOf(key)
    if (debt > 0) return askWithDebt(take, rule, key, cost, debt)
    return take(key, rule.bucket, cost).then(answer => shareDecision(rule, key, cost, answer), error => decideAlone(rule, key, cost, error))
  }

  /** First call to the shared bucket after local decisions. It adds the requests that the shared bucket has not counted. */
  function askWithDebt(take: SharedLimits['take'], rule: RateLimit, key: string, cost: number, debt: number): Promise<RateLimitDecision> {
    const takeBack = own.tell(key)
    // The buckets of all processes together drain as fast as the shared one.
    const sharedDebt = Math.ceil(debt * share / 1000) * 1000
    return take(key, rule.bucket, cost, sharedDebt).then(answer => shareDecision(rule, key, cost, answer), (error) => {
      takeBack()
      return decideAlone(rule, key, cost, error)
    })
  }

  function shareDecision(rule: RateLimit, key: string, cost: number, answer: number): RateLimitDecision {
    const verdict = decisionIn(answer)
    const decision = decisionOf(rule.bucket, verdict, cost, 'redis')
    own.learn(key, verdict.fill)
    noteReachable(true)
    if (!decision.allowed && decision.retryAfter > WORTH_REMEMBERING) {
      const decidedAt = now()
      blocked.set(key, { until: decidedAt + decision.retryAfter, cost, empty: decidedAt + decision.reset })
    }
    return count(rule, decision)
  }

  function decideAlone(rule: RateLimit, key: string, cost: number, error: unknown): RateLimitDecision {
    noteReachable(false, error)
    stats.fallbacks++
    if (rule.fallback !== 'memory') return count(rule, withoutCount(rule.fallback === 'open'))
    // After a timeout, Redis has probably received the call and will count this request itself.
    return count(rule, decideHere(shareOf(rule.bucket, share, cost), key, cost, error instanceof RedisTimeoutError))
  }

  function count(rule: RateLimit, decision: RateLimitDecision): RateLimitDecision {
    decisions.record(1, rule.name, nameOf(decision, rule))
    if (decision.allowed) stats.allowed++
    else if (rule.shadow) stats.shadowed++
    else stats.denied++
    return decision
  }

  return {
    stats,
    take(rule, ofKey, cost = rule.cost) {
      const { bucket } = rule
      if (cost * bucket.interval > bucket.capacity) return Promise.reject(impossibleCost(rule, cost))
      const key = `${rule.name}:${ofKey}`
      if (shared === undefined) return count(rule, decideHere(bucket, key, cost, true))
      const block = blocked.size === 0 ? undefined : blocked.get(key)
      const denial = block && denialOf(block, cost, now())
      if (denial !== undefined) return count(rule, denial)
      return durations.enabled ? measure(now, ask(shared, rule, key, cost)) : ask(shared, rule, key, cost)
    },
  }
}

async function measure(now: () => number, decision: Promise<RateLimitDecision>): Promise<RateLimitDecision> {
  const started = now()
  const decided = await decision
  durations.record((now() - started) / 1000)
  return decided
}

/** The decision in metrics. A decision without the shared buckets of a rule that opens or closes is a `fallback`. */
function nameOf({ allowed, by }: RateLimitDecision, { shadow }: RateLimit): 'allowed' | 'denied' | 'shadow' | 'fallback' {
  if (by === 'fallback') return 'fallback'
  return allowed ? 'allowed' : shadow ? 'shadow' : 'denied'
}

/** Returns the denial of a remembered key, if it still applies to a request of this cost. */
function denialOf({ until, cost: denied, empty }: Block, cost: number, moment: number): RateLimitDecision | undefined {
  if (moment >= until || cost < denied) return undefined
  return { allowed: false, remaining: 0, reset: empty - moment, retryAfter: until - moment, by: 'redis' }
}

function impossibleCost({ name, bucket }: RateLimit, cost: number): TypeError {
  return new TypeError(`A request of cost ${cost} can never pass the rate limit "${name}", `
    + `which allows ${bucket.capacity / bucket.interval} at once: raise its burst, or lower the cost.`)
}

/** Reads the plain number with which the shared store answers. */
function decisionIn(answer: number): Decision {
  return answer < 0 ? { allowed: false, fill: -1 - answer } : { allowed: true, fill: answer }
}

function decisionOf(bucket: Bucket, { allowed, fill }: Decision, cost: number, by: RateLimitDecision['by']): RateLimitDecision {
  const retryAfter = allowed ? 0 : waitOf(bucket, fill, cost) / 1000
  return { allowed, remaining: remainingOf(bucket, fill), reset: fill / 1000, retryAfter, by }
}

/** Decides without counting, for a rule with `fallback: 'open'` or `'closed'`. */
function withoutCount(allowed: boolean): RateLimitDecision {
  return { allowed, remaining: 0, reset: 0, retryAfter: allowed ? 0 : 1000, by: 'fallback' }
}

/** The store of the buckets that all instances share. */
export interface SharedLimits {
  /**
   * Decides about one request. The result is a plain number and not an object, because this runs for every request.
   *
   * @param key key of the bucket, with a limited length
   * @param debt microseconds, a multiple of 1000, to add first: requests that passed while the store was unreachable. @default 0
   * @returns microseconds until the bucket is empty. If the request is denied: -1 minus that number, because zero has no sign
   */
  take: (key: string, bucket: Bucket, cost: number, debt?: number) => Promise<number>
}
