import type { DatabaseLocation } from './types'

/** Where a tenant's data is; `undefined` when there is no such tenant. */
export type TenantDirectory = (id: string) => DatabaseLocation | undefined | Promise<DatabaseLocation | undefined>

let directory: TenantDirectory | undefined

/** Tells this room where tenants live. Called once at boot, by the room that knows. */
export function setTenantDirectory(lookUp: TenantDirectory | undefined): void {
  directory = lookUp
}

export function currentTenantDirectory(): TenantDirectory | undefined {
  return directory
}
