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

let directory: TenantDirectory | undefined

/** Tells the features that hold data where tenants live. Called once at boot, by the feature that knows. */
export function setTenantDirectory(lookUp: TenantDirectory | undefined): void {
  directory = lookUp
}

export function currentTenantDirectory(): TenantDirectory | undefined {
  return directory
}
