import { defineService } from '../core/service'

/** Where a tenant's data is. */
export interface TenantLocation {
  /** URL of its database. */
  url: string
  /** Its schema there. */
  schema?: string
  /** Addresses of the read replicas of that database. */
  replicas?: readonly string[]
}

/** Where a tenant's data is; `undefined` when there is no such tenant, or none of its data in a database. */
export type TenantDirectory = (id: string) => TenantLocation | undefined | Promise<TenantLocation | undefined>

/** Where tenants live. The feature `tenancy` provides it, and features that hold data use it. */
export const tenantDirectoryService = defineService<TenantDirectory>('No feature has said where tenants live.')
