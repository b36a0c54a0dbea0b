import type { H3Event } from 'h3'
import { runInContext } from '../call-context'
import { withDeadline } from '../deadline'
import { currentScope as currentTenantId } from '../scope'
import type { TenantLocation } from '../tenant-directory'
import { currentTenantDirectory } from '../tenant-directory'
import { currentDatabase, namedDatabase } from './current'
import { copyFor } from './copy'
import { DatabaseBusyError, DatabaseUnknownError } from './errors'
import { scopeOf } from './request'
import type { LeaseScope } from './scope'
import { createScope, currentScope } from './scope'
import type { DatabaseRole, DatabaseSpec, ScaleDatabaseClient } from './types'

/** Which copy of a database is wanted. */
export interface DatabaseCopyOptions {
  /**
   * `'writer'` is the primary. `'reader'` reads from a replica; `'auto'` does so in GET and HEAD requests. Both give the primary where the
   * database has no replica, where none can be reached, and for two seconds after a write of the same user.
   * @default 'writer'
   */
  role?: DatabaseRole | 'auto'
}

/**
 * The client of the default database, or of another one by its name, at once. Its type is what `server/scale.database.ts` makes.
 *
 * These clients have a place in the budget of their own and are never evicted. The client is made at the first call.
 *
 * @param name `'default'`, or a name that another feature has given
 * @param options which copy of it: see {@link DatabaseCopyOptions}
 * @throws DatabaseUnknownError when no such database is configured
 * @throws DatabaseFactoryError when the factory fails
 * @example
 * ```ts
 * export default defineEventHandler(() => usePrisma().product.findMany({ take: 20 }))
 * ```
 */
export function usePrisma(name = 'default', { role = 'writer' }: DatabaseCopyOptions = {}): ScaleDatabaseClient {
  const { registry, copies } = currentDatabase()
  const scope = currentScope()
  const spec = copyFor(namedDatabase(name), role, scope, copies)
  if (scope) return scope.leaseNow(registry, spec)
  const lease = registry.leaseNow(spec)
  // Outside a request nobody says when it is over, and a pinned client stays anyway.
  lease.release()
  return lease.client
}

/**
 * The client of a tenant's database: of the request's tenant, of a tenant's id, or of an address. It is the request's until the response is over.
 *
 * @param options which copy of it: see {@link DatabaseCopyOptions}. An address has no replicas
 * @throws DatabaseUnknownError (404) for a tenant that does not exist, (400) for a request without one, (500) for an event inside `withTenant` of another tenant
 * @throws DatabaseBusyError (503) when no connection comes free within `scale.database.pool.acquireTimeout`
 * @example
 * ```ts
 * export default defineEventHandler(async (event) => {
 *   const prisma = await getTenantPrismaClient(event)
 *   return prisma.product.findMany({ take: 20 })
 * })
 * ```
 */
export async function getTenantPrismaClient(target: H3Event | string, { role = 'writer' }: DatabaseCopyOptions = {}): Promise<ScaleDatabaseClient> {
  const scope = (typeof target === 'string' ? undefined : scopeOf(target)) ?? currentScope()
  if (!scope) throw new Error('getTenantPrismaClient() was called outside a request, where nothing says when its client is free again: use withTenantDatabase(id, fn).')
  const { registry, copies } = currentDatabase()
  return scope.lease(registry, copyFor(await tenantSpec(target), role, scope, copies))
}

/**
 * Runs `fn` with the client of a tenant, by id or address, and gives it back when `fn` is done: for tasks, plugins and consumers.
 *
 * @param options which copy of it: see {@link DatabaseCopyOptions}
 * @returns what `fn` returns
 * @example
 * ```ts
 * await withTenantDatabase('acme', prisma => prisma.order.deleteMany({ where: { draft: true } }))
 * ```
 */
export async function withTenantDatabase<T>(tenant: string, fn: (client: ScaleDatabaseClient) => T | Promise<T>, options?: DatabaseCopyOptions): Promise<T> {
  const outer = currentScope()
  const scope: LeaseScope = createScope(outer?.request, outer?.user, () => outer?.include(scope))
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
  const tenant = target.context.tenant as { id?: string, dbUrl?: string } | undefined
  if (!tenant?.id) throw new DatabaseUnknownError('The request has no tenant: turn scale.tenancy on, or pass a tenant\'s id or address.', 400)
  const running = currentTenantId()
  if (running !== '' && running !== tenant.id) {
    // A cache around this call would keep the rows of the one for the other.
    throw new DatabaseUnknownError('The request belongs to another tenant than the one that the code runs for: pass the tenant\'s id to getTenantPrismaClient() instead of the event.', 500)
  }
  // A middleware of the app's own may have found the tenant, and its address.
  return tenant.dbUrl && !currentTenantDirectory() ? { name: tenant.id, url: tenant.dbUrl } : lookUp(tenant.id)
}

async function lookUp(id: string): Promise<DatabaseSpec> {
  const directory = currentTenantDirectory()
  if (!directory) throw new Error('No source of tenants is configured: set scale.tenancy.map, write tenants(id) in server/scale.config.ts, or pass an address.')
  const { acquireTimeout } = currentDatabase().settings.pool
  const location = await withDeadline<TenantLocation | undefined>(directory(id), acquireTimeout, () =>
    new DatabaseBusyError(`The source of tenants did not answer within ${acquireTimeout} ms: try again later.`, acquireTimeout))
  if (!location) throw new DatabaseUnknownError('There is no such tenant.', 404)
  return { name: id, ...location }
}

function isAddress(text: string): boolean {
  return text.includes('://') || /^(?:file|sqlite|pglite):/i.test(text)
}
