import type { H3Event } from 'h3'

export type { Tenant } from '../request/tenant'

/** Where the data of a tenant is. */
export interface TenantRecord {
  /** URL of the tenant's database, or the name of the environment variable that contains it. */
  url?: string
  /** Schema of the tenant in that database. In MySQL and MariaDB it is the name of the database. */
  schema?: string
  /** Read replicas of that database: names of environment variables, or addresses. In a string, separate them with commas. */
  replicas?: string | readonly string[]
}

/** The tenant functions of `server/scale.config.ts`. All are optional. */
export interface TenancyFunctions {
  /**
   * Finds the tenant id of a request in your own way, such as by session or path. The id is not compared with the header or host.
   * Return `undefined` to use `scale.tenancy.from` and `tenantByDomain` instead.
   * Responses become `private`, because a CDN cannot know what this function reads.
   */
  tenant?: (event: H3Event) => string | undefined | Promise<string | undefined>
  /**
   * Finds the tenant id of a whole domain, such as `shop-of-acme.com`. The domain is lower-case, without port and trailing dot.
   * Return `undefined` if no tenant has this domain. Results are cached for `scale.tenancy.cacheTtl`.
   * The tenant must agree with the tenant header, if there is one. Not called for hosts below `scale.tenancy.baseDomains`.
   */
  tenantByDomain?: (domain: string) => string | undefined | Promise<string | undefined>
  /** Whether the signed-in user may act for the tenant. If it returns `false`, the request gets 403. */
  authorize?: (event: H3Event, tenantId: string) => boolean | Promise<boolean>
  /**
   * Finds tenants that `scale.tenancy.map` does not list, such as rows of a table. Return `undefined` if the tenant does not exist.
   * Results are cached for `scale.tenancy.cacheTtl`.
   */
  tenants?: (id: string) => TenantRecord | undefined | Promise<TenantRecord | undefined>
  /**
   * Returns all tenants that `tenants` finds, in the form of `scale.tenancy.map`.
   * `npx nuxt-scale migrate --all` calls it outside the server, where nothing is auto-imported: import what it uses.
   */
  listTenants?: () => Readonly<Record<string, string | TenantRecord>> | Promise<Readonly<Record<string, string | TenantRecord>>>
}
