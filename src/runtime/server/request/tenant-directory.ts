import { defineService } from '../core/service'

/** The location of a tenant's data. */
export interface TenantLocation {
  /** URL of the database. */
  url: string
  /** Schema in that database. */
  schema?: string
  /** Addresses of the read replicas of that database. */
  replicas?: readonly string[]
}

/** Finds the location of a tenant's data. It returns `undefined` if the tenant does not exist or has no database. */
export type TenantDirectory = (id: string) => TenantLocation | undefined | Promise<TenantLocation | undefined>

/** The tenant directory of this process. The feature `tenancy` provides it, and features that store data use it. */
export const tenantDirectoryService = defineService<TenantDirectory>(
  'The tenant directory was used, but no feature provides it: enable scale.tenancy.',
)
