import { defineService } from '../core/service'

/** The tenant of a request. Frozen. */
export interface Tenant {
  readonly id: string
  /** URL of the tenant's database, if one is known. The property is not enumerable, so that logs and JSON do not show it. */
  readonly dbUrl?: string
}

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
type LocateTenant = (id: string) => TenantLocation | undefined | Promise<TenantLocation | undefined>

/** Finds locations by the id of a tenant, for jobs and health checks. The feature `tenancy` provides it. */
export const tenantLocationService = defineService<LocateTenant>(
  'A tenant was located, but no feature knows where tenants are: enable scale.tenancy.',
)

/** Locations of tenant objects. They are not properties, so that no code of the app and no log can read them. */
const locations = new WeakMap<Tenant, () => TenantLocation | undefined>()

/** Lets a tenant object carry its location, so that a request that has its tenant needs no second look-up. */
export function setLocation(tenant: Tenant, locate: () => TenantLocation | undefined): void {
  locations.set(tenant, locate)
}

/** Returns the function that locates the data of a tenant object; undefined if the app created the object itself. */
export function locatorOf(tenant: Tenant): (() => TenantLocation | undefined) | undefined {
  return locations.get(tenant)
}
