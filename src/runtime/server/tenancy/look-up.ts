import { AsyncLocalStorage } from 'node:async_hooks'
import { LRUCache } from 'lru-cache'
import { withDeadline } from '../deadline'
import { HttpError } from '../request/errors'

/** Answers that are kept at most, those that there is nothing apart: guessing must not push out real ones. */
const MOST_KNOWN = 10_000
const MOST_UNKNOWN = 10_000
/** How long the functions of `server/scale.config.ts` may take, in ms. */
export const LOOK_UP_DEADLINE = 5000

export interface LookUpOptions<Value> {
  /** A function of `server/scale.config.ts`. */
  source: (key: string) => Value | undefined | null | Promise<Value | undefined | null>
  /** What that function is called, such as `tenants()`. */
  name: string
  /** Milliseconds for which an answer is kept; that there is nothing, a sixth of it. */
  ttl: number
  now?: () => number
}

/**
 * Asks a source once for each key, however many ask at a time, and keeps what it answers.
 *
 * @returns a function of the key: at once what is known, else a promise. It throws HttpError 503 when the source fails or takes too long
 */
export function createLookUp<Value extends NonNullable<unknown>>({ source, name, ttl, now = () => performance.now() }: LookUpOptions<Value>): (key: string) => Value | undefined | Promise<Value | undefined> {
  const options = { perf: { now }, ttlResolution: 0 }
  const known = new LRUCache<string, Value>({ ...options, max: MOST_KNOWN, ttl })
  const unknown = new LRUCache<string, true>({ ...options, max: MOST_UNKNOWN, ttl: Math.ceil(ttl / 6) })
  const asked = new Map<string, Promise<Value | undefined>>()

  // The answer is for all who ask, so the question is no one's: no tenant, no request whose end would cut it off.
  const outside = AsyncLocalStorage.snapshot()

  async function ask(key: string): Promise<Value | undefined> {
    try {
      const value = await withDeadline(source(key), LOOK_UP_DEADLINE, () => new Error(`${name} of server/scale.config.ts took longer than ${LOOK_UP_DEADLINE} ms.`))
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
      answer = outside(() => ask(key))
      asked.set(key, answer)
    }
    return answer
  }
}
