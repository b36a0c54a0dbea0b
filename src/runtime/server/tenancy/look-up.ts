import { LRUCache } from 'lru-cache'
import { detached } from '../core/detached'
import { withDeadline } from '../core/deadline'
import { HttpError } from '../request/errors'

/**
 * Most cached results. Found and unknown keys have separate limits, so that requests with guessed keys cannot evict real tenants.
 */
const MOST_KNOWN = 10_000
const MOST_UNKNOWN = 10_000
/** Deadline of the functions in `server/scale.config.ts`, in milliseconds. */
export const LOOK_UP_DEADLINE = 5000

export interface LookUpOptions<Value> {
  /** A function of `server/scale.config.ts`. */
  source: (key: string) => Value | undefined | null | Promise<Value | undefined | null>
  /** Name of that function for errors, such as `tenants()`. */
  name: string
  /** Milliseconds for which a result is cached. An unknown key is cached for one sixth of this time. */
  ttl: number
  now?: () => number
}

/**
 * Creates a cached look-up. Concurrent calls with the same key share one call of `source`.
 *
 * @returns a function that returns a cached value synchronously, and a promise otherwise. It rejects with HttpError 503 when
 * `source` fails or takes longer than {@link LOOK_UP_DEADLINE}
 */
export function createLookUp<Value extends NonNullable<unknown>>(
  { source, name, ttl, now = () => performance.now() }: LookUpOptions<Value>,
): (key: string) => Value | undefined | Promise<Value | undefined> {
  const options = { perf: { now }, ttlResolution: 0 }
  const known = new LRUCache<string, Value>({ ...options, max: MOST_KNOWN, ttl })
  const unknown = new LRUCache<string, true>({ ...options, max: MOST_UNKNOWN, ttl: Math.ceil(ttl / 6) })
  const asked = new Map<string, Promise<Value | undefined>>()

  // All callers share the call of `source`, so it must run outside any request's context: without a tenant or an abort signal.

  async function ask(key: string): Promise<Value | undefined> {
    try {
      const value = await withDeadline(source(key), LOOK_UP_DEADLINE, () =>
        new Error(`${name} of server/scale.config.ts took longer than ${LOOK_UP_DEADLINE} ms.`))
      if (value === undefined || value === null) {
        unknown.set(key, true)
        return undefined
      }
      known.set(key, value)
      return value
    }
    catch (error) {
      throw new HttpError(503, 'TENANTS_UNAVAILABLE', `${name} of server/scale.config.ts failed.`, { cause: error, retryAfter: 1 })
    }
    finally {
      asked.delete(key)
    }
  }

  return (key) => {
    const value = known.get(key)
    if (value !== undefined || unknown.has(key)) return value
    let answer = asked.get(key)
    if (answer === undefined) {
      answer = detached(() => ask(key))
      asked.set(key, answer)
    }
    return answer
  }
}
