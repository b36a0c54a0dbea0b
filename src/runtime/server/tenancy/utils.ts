import type { H3Event } from 'h3'
import { currentTenant, runAsTenant } from '../request/call-context'
import { tenancyService } from './resolve'
import type { Tenant } from './types'

/**
 * Returns the tenant of a request. Without `event`, it returns the tenant of the running request or of {@link withTenant}.
 *
 * @throws Error when there is no tenant: on paths of `scale.tenancy.exclude`, and in jobs outside {@link withTenant}
 * @example
 * ```ts
 * const { id } = useTenant(event)
 * ```
 */
export function useTenant(event?: H3Event): Tenant {
  const tenant = event ? event.context.tenant as Tenant | undefined : currentTenant()
  if (!tenant) {
    throw new Error('useTenant() found no tenant: scale.tenancy.exclude excludes this path, or the code runs outside a request.'
      + ' In a job, call it inside withTenant(id, …).')
  }
  return tenant
}

/**
 * Runs a job for a tenant: inside `task`, `useTenant()`, the caches and the database are those of the tenant.
 *
 * @returns the result of `task`
 * @throws HttpError with the status `scale.tenancy.unknown` (404) when the tenant does not exist; any error that `task` throws
 * @example
 * ```ts
 * await withTenant('acme', () => sendInvoices())
 * ```
 */
export async function withTenant<T>(id: string, task: () => T | Promise<T>): Promise<T> {
  const tenant = await tenancyService.use().byId(id)
  return await runAsTenant(tenant, task)
}
