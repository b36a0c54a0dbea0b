import { createLookUp } from './look-up'
import type { TenancySettings } from './settings'
import type { TenancyFunctions, TenantRecord } from './types'

/** All tenants: those of the options and those that a source knows. */
export interface TenantDirectory {
  /**
   * What is known of a tenant; undefined when there is none. At once for what the options list and for what was asked lately.
   *
   * @throws HttpError 503 when the source fails or takes too long
   */
  find: (id: string) => TenantRecord | undefined | Promise<TenantRecord | undefined>
}

export function createTenantDirectory({ map, isTenantId, cacheTtl }: TenancySettings, source?: TenancyFunctions['tenants'], now?: () => number): TenantDirectory {
  const lookUp = source && createLookUp<TenantRecord>({ source, name: 'tenants()', ttl: cacheTtl, now })
  return {
    find(id) {
      const listed = map.get(id)
      return listed !== undefined || lookUp === undefined || !isTenantId(id) ? listed : lookUp(id)
    },
  }
}
