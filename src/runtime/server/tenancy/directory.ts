import { LRUCache } from 'lru-cache'
import { withDeadline } from '../deadline'
import { HttpError } from '../http-error'
import type { TenancySettings } from './settings'
import type { TenancyFunctions, TenantRecord } from './types'

/** Answers of the source that are kept at most, those that there is no such tenant apart: guessing must not push out real ones. */
const MOST_TENANTS = 10_000
const MOST_UNKNOWN = 10_000
/** How long the functions of `server/scale.config.ts` may take, in ms. */
export const LOOK_UP_DEADLINE = 5000

/** All tenants: those of the options and those that a source knows. */
export interface TenantDirectory {
  /**
   * What is known of a tenant; undefined when there is none. At once for what the options list and for what was asked lately.
   *
   * @throws HttpError 503 when the source fails or takes too long
   */
  find: (id: string) => TenantRecord | undefined | Promise<TenantRecord | undefined>
}

export function createTenantDirectory({ map, isTenantId, cacheTtl }: TenancySettings, source?: TenancyFunctions['tenants'], now: () => number = () => performance.now()): TenantDirectory {
  const options = { perf: { now }, ttlResolution: 0 }
  const known = new LRUCache<string, TenantRecord>({ ...options, max: MOST_TENANTS, ttl: cacheTtl })
  const unknown = new LRUCache<string, true>({ ...options, max: MOST_UNKNOWN, ttl: Math.ceil(cacheTtl / 6) })
  const asked = new Map<string, Promise<TenantRecord | undefined>>()

  async function ask(id: string): Promise<TenantRecord | undefined> {
    try {
      const record = await withDeadline(source!(id), LOOK_UP_DEADLINE, () => new Error(`tenants() of server/scale.config.ts took longer than ${LOOK_UP_DEADLINE} ms.`))
      if (record) known.set(id, record)
      else unknown.set(id, true)
      return record ?? undefined
    }
    catch (error) {
      throw new HttpError(503, 'The list of tenants does not answer.', { cause: error, retryAfter: 1 })
    }
    finally {
      asked.delete(id)
    }
  }

  return {
    find(id) {
      const listed = map.get(id)
      if (listed !== undefined || source === undefined || !isTenantId(id)) return listed
      const record = known.get(id)
      if (record !== undefined || unknown.has(id)) return record
      let answer = asked.get(id)
      if (answer === undefined) {
        answer = ask(id)
        asked.set(id, answer)
      }
      return answer
    },
  }
}
