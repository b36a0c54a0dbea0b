import { addressOf } from '../core/database-address'
import type { Tenant, TenantRecord } from './types'
import { callContext, runInContext } from '../request/call-context'

/**
 * Creates the frozen tenant object of requests.
 *
 * @param environment variables that the `url` of the record may name
 */
export function createTenant(id: string, record: TenantRecord, environment: NodeJS.ProcessEnv): Tenant {
  // `dbUrl` is a getter and not enumerable, so that JSON, spreads, loggers and util.inspect do not show it.
  return Object.freeze(Object.defineProperty({ id }, 'dbUrl', { get: () => addressOf(record.url, environment) }))
}

/** The tenant of the running request or `withTenant()` call; undefined outside of both. */
export function currentTenant(): Tenant | undefined {
  return callContext()?.tenant
}

/** Runs `task` with `tenant` as the current tenant. */
export function runAsTenant<T>(tenant: Tenant, task: () => T): T {
  return runInContext({ tenant }, task)
}
