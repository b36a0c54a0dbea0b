import { addressesOf, addressOf, parseReplicas } from '../core/database-address'
import type { TenantLocation } from '../request/tenant'
import { setLocation } from '../request/tenant'
import type { TenancySettings } from './settings'
import type { Tenant, TenancyFunctions, TenantRecord } from './types'
import { LRUCache } from 'lru-cache'
import { detached } from '../core/detached'
import { withDeadline } from '../core/deadline'
import { HttpError } from '../request/errors'

/** All tenants: those in `scale.tenancy.map`, and those that `tenants()` of `server/scale.config.ts` returns. */
export interface TenantRecords {
  /**
   * Finds the record of a tenant, or `undefined` if the tenant does not exist.
   * Returns synchronously for tenants in the options and for cached results.
   *
   * @throws HttpError 503 when `tenants()` fails or takes too long
   */
  find: (id: string) => TenantRecord | undefined | Promise<TenantRecord | undefined>
}

/**
 * Creates the directory of tenants.
 *
 * @param source `tenants()` of `server/scale.config.ts`, if the app has it
 */
export function createTenantDirectory(
  { map, isTenantId, cacheTtl }: TenancySettings, source?: TenancyFunctions['tenants'], now?: () => number,
): TenantRecords {
  const lookUp = source && createLookUp<TenantRecord>({ source, name: 'tenants()', ttl: cacheTtl, now })
  return {
    find(id) {
      const listed = map.get(id)
      return listed !== undefined || lookUp === undefined || !isTenantId(id) ? listed : lookUp(id)
    },
  }
}

/** Creates the frozen tenant object of requests, which carries the location of its data. @param environment variables of its addresses */
export function createTenant(id: string, record: TenantRecord, environment: NodeJS.ProcessEnv): Tenant {
  // `dbUrl` is a getter and not enumerable, so that JSON, spreads, loggers and util.inspect do not show it.
  const tenant = Object.freeze(Object.defineProperty({ id }, 'dbUrl', { get: () => addressOf(record.url, environment) }))
  setLocation(tenant, () => locate(record, environment))
  return tenant
}

/** Returns the location in a record; undefined if it has no address, or names a variable that is not set. */
export function locate({ url: source, schema, replicas }: TenantRecord, environment: NodeJS.ProcessEnv): TenantLocation | undefined {
  const url = addressOf(source, environment)
  if (url === undefined) return undefined
  return { url, schema, replicas: addressesOf(parseReplicas(replicas, 'replicas of a tenant'), environment) }
}

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
