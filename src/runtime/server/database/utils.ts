import type { H3Event } from 'h3'
import { currentScope, runInContext } from '../request/call-context'
import { withDeadline } from '../core/deadline'
import type { Tenant, TenantLocation } from '../request/tenant'
import { locatorOf, tenantLocationService } from '../request/tenant'
import { databaseService, namedDatabase } from './service'
import { copyFor } from './read-your-writes'
import { DatabaseBusyError, DatabaseUnknownError } from './errors'
import { scopeOf } from './request'
import type { LeaseScope } from './lease-scope'
import { createLeaseScope, currentLeaseScope } from './lease-scope'
import type { DatabaseRole, DatabaseSpec, ScaleDatabaseClient } from './types'

/** Selects the copy of a database. */
export interface DatabaseCopyOptions {
  /**
   * `'writer'` selects the primary, `'reader'` a replica. `'auto'` selects a replica in requests that only read, such as GET and HEAD,
   * and the primary elsewhere.
   * The primary also answers if no replica is configured or reachable, and for two seconds after a write of the same user.
   * @default 'writer'
   */
  role?: DatabaseRole | 'auto'
}

/**
 * Returns the client of the default database, or of another named database. Its type is the return type of `server/scale.database.ts`.
 *
 * The client is created at the first call. Its connections are reserved, and it is never closed to make space for other clients.
 *
 * @param name `'default'`, or the name of a database that another feature has added
 * @param options selects the copy: see {@link DatabaseCopyOptions}
 * @throws DatabaseUnknownError when no database with this name is configured
 * @throws DatabaseFactoryError when the factory fails
 * @example
 * ```ts
 * export default defineEventHandler(() => usePrisma().product.findMany({ take: 20 }))
 * ```
 */
export function usePrisma(name = 'default', { role = 'writer' }: DatabaseCopyOptions = {}): ScaleDatabaseClient {
  const { registry, copies } = databaseService.use()
  const scope = currentLeaseScope()
  const spec = copyFor(namedDatabase(name), role, scope, copies)
  if (scope) return scope.leaseNow(registry, spec)
  const lease = registry.leaseNow(spec)
  // Outside a request nothing marks the end of the use. The lease can end now, because a pinned client stays open anyway.
  lease.release()
  return lease.client
}

/**
 * Returns the client of a tenant's database. The request keeps the client until its response ends.
 *
 * @param target the event of a request, a tenant's id, or the address of a database
 * @param options selects the copy: see {@link DatabaseCopyOptions}. An address has no replicas
 * @throws DatabaseUnknownError 404 if the tenant does not exist, 400 if the request has no tenant, 500 for the event of another
 * tenant inside `withTenant()`
 * @throws DatabaseBusyError 503 if no connection becomes free within `scale.database.pool.acquireTimeout`
 * @example
 * ```ts
 * export default defineEventHandler(async (event) => {
 *   const prisma = await getTenantPrismaClient(event)
 *   return prisma.product.findMany({ take: 20 })
 * })
 * ```
 */
export async function getTenantPrismaClient(
  target: H3Event | string, { role = 'writer' }: DatabaseCopyOptions = {},
): Promise<ScaleDatabaseClient> {
  const scope = (typeof target === 'string' ? undefined : scopeOf(target)) ?? currentLeaseScope()
  if (!scope) throw new Error('getTenantPrismaClient() was called outside a request: use withTenantDatabase(id, fn) there.')
  const { registry, copies } = databaseService.use()
  return scope.lease(registry, copyFor(await tenantSpec(target), role, scope, copies))
}

/**
 * Runs `fn` with the client of a tenant and releases the client afterwards. Use it in tasks, plugins and consumers.
 *
 * @param tenant a tenant's id, or the address of a database
 * @param options selects the copy: see {@link DatabaseCopyOptions}
 * @returns the result of `fn`
 * @example
 * ```ts
 * await withTenantDatabase('acme', prisma => prisma.order.deleteMany({ where: { draft: true } }))
 * ```
 */
export async function withTenantDatabase<T>(
  tenant: string, fn: (client: ScaleDatabaseClient) => T | Promise<T>, options?: DatabaseCopyOptions,
): Promise<T> {
  const outer = currentLeaseScope()
  const scope: LeaseScope = createLeaseScope(outer?.request, outer?.user, () => outer?.include(scope))
  try {
    return await runInContext({ leases: scope }, async () => fn(await getTenantPrismaClient(tenant, options)))
  }
  finally {
    scope.end()
    outer?.exclude(scope)
  }
}

async function tenantSpec(target: H3Event | string): Promise<DatabaseSpec> {
  if (typeof target === 'string') return isAddress(target) ? { name: 'address', url: target } : lookUp(target)
  const tenant = target.context.tenant as Tenant | undefined
  if (!tenant?.id) {
    throw new DatabaseUnknownError('The request has no tenant: set scale.tenancy, or pass a tenant\'s id or address.', 400)
  }
  const running = currentScope()
  if (running !== '' && running !== tenant.id) {
    // A cache around this call would store the rows of one tenant under the key of the other.
    throw new DatabaseUnknownError('The event passed to getTenantPrismaClient() belongs to another tenant than the current one:'
      + ' pass the tenant\'s id instead of the event.', 500)
  }
  const locate = locatorOf(tenant)
  if (locate) return specOf(tenant.id, locate())
  // Without scale.tenancy, a middleware of the app may set the tenant and its address.
  return tenant.dbUrl && !tenantLocationService.find() ? { name: tenant.id, url: tenant.dbUrl } : lookUp(tenant.id)
}

async function lookUp(id: string): Promise<DatabaseSpec> {
  const locate = tenantLocationService.find()
  if (!locate) {
    throw new Error('No tenants are configured: set scale.tenancy.map, write tenants(id) in server/scale.config.ts, or pass an address.')
  }
  const { acquireTimeout } = databaseService.use().settings.pool
  return specOf(id, await withDeadline<TenantLocation | undefined>(locate(id), acquireTimeout, () =>
    new DatabaseBusyError(`The tenant look-up did not answer within ${acquireTimeout} ms: try again later.`, acquireTimeout)))
}

function specOf(id: string, location: TenantLocation | undefined): DatabaseSpec {
  if (!location) throw new DatabaseUnknownError('There is no such tenant.', 404)
  return { name: id, ...location }
}

function isAddress(text: string): boolean {
  return text.includes('://') || /^(?:file|sqlite|pglite):/i.test(text)
}
