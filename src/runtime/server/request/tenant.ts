/** The tenant of a request. Frozen. */
export interface Tenant {
  readonly id: string
  /** URL of the tenant's database, if one is known. The property is not enumerable, so that logs and JSON do not show it. */
  readonly dbUrl?: string
}
