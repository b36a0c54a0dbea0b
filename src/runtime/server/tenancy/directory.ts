import { createLookUp } from './look-up'
import type { TenancySettings } from './settings'
import type { TenancyFunctions, TenantRecord } from './types'

/** All tenants: those in `scale.tenancy.map`, and those that `tenants()` of `server/scale.config.ts` returns. */
export interface TenantDirectory {
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
): TenantDirectory {
  const lookUp = source && createLookUp<TenantRecord>({ source, name: 'tenants()', ttl: cacheTtl, now })
  return {
    find(id) {
      const listed = map.get(id)
      return listed !== undefined || lookUp === undefined || !isTenantId(id) ? listed : lookUp(id)
    },
  }
}
