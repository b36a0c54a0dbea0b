import type { H3Event } from 'h3'

/** The tenant of a request. Frozen. */
export interface Tenant {
  readonly id: string
  /** URL of the tenant's database, if one is known. Not enumerable, so that no log or JSON of the context shows it. */
  readonly dbUrl?: string
}

/** What is known of a tenant besides its id. */
export interface TenantRecord {
  /** URL of its database, or the name of the environment variable that holds it. */
  url?: string
  /** Schema of the tenant in that database. */
  schema?: string
  /** Read replicas of that database: names of environment variables, or addresses. In a text, separated by commas. */
  replicas?: string | readonly string[]
}

/** What `server/scale.config.ts` may say about tenants. */
export interface TenancyFunctions {
  /**
   * Finds the tenant of a request in your own way (a session, a path). What it returns is not compared with header or host.
   * `undefined`: `tenantByDomain` and the sources of `scale.tenancy.from` decide. Answers become `private`, since no CDN can know what it looks at.
   */
  tenant?: (event: H3Event) => string | undefined | Promise<string | undefined>
  /**
   * The tenant of a whole domain, such as `shop-of-acme.com`: lower case, without port and trailing dot. It must agree with the header, where there is one.
   * Not asked for hosts under `scale.tenancy.baseDomains`. Its answers are kept for `scale.tenancy.cacheTtl`; `undefined`: the domain is nobody's.
   */
  tenantByDomain?: (domain: string) => string | undefined | Promise<string | undefined>
  /** Whether the signed-in user may act for the tenant. `false` answers 403. */
  authorize?: (event: H3Event, tenantId: string) => boolean | Promise<boolean>
  /**
   * Tenants that `scale.tenancy.map` does not list, such as rows of a table. `undefined`: there is no such tenant.
   * Its answers are kept for `scale.tenancy.cacheTtl`.
   */
  tenants?: (id: string) => TenantRecord | undefined | Promise<TenantRecord | undefined>
  /**
   * All tenants that `tenants` knows, in the form of `scale.tenancy.map`. `npx nuxt-scale migrate --all` asks it, outside the server: import what it
   * uses, since nothing is auto-imported there.
   */
  listTenants?: () => Readonly<Record<string, string | TenantRecord>> | Promise<Readonly<Record<string, string | TenantRecord>>>
}
