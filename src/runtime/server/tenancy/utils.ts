import type { H3Event } from 'h3'
import { currentTenant, runAsTenant } from './context'
import { useTenantResolver } from './runtime'
import type { Tenant } from './types'

/**
 * The tenant of a request, or of the current call: what runs on behalf of a request or inside {@link withTenant} needs no event.
 *
 * @throws Error when there is none, as under `scale.tenancy.exclude` and in jobs outside of `withTenant`
 * @example
 * ```ts
 * const { id } = useTenant(event)
 * ```
 */
export function useTenant(event?: H3Event): Tenant {
  const tenant = event ? event.context.tenant as Tenant | undefined : currentTenant()
  if (!tenant) throw new Error('There is no tenant here: the path is excluded by scale.tenancy.exclude, or the code runs outside of a request; wrap a job in withTenant(id, …).')
  return tenant
}

/**
 * Runs a job for a tenant: its caches, its database, its name in `useTenant()`.
 *
 * @throws HttpError 404 when there is no such tenant; what `task` throws
 * @example
 * ```ts
 * await withTenant('acme', () => sendInvoices())
 * ```
 */
export async function withTenant<T>(id: string, task: () => T | Promise<T>): Promise<T> {
  const tenant = await useTenantResolver().byId(id)
  return await runAsTenant(tenant, task)
}
