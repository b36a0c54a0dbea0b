import { callContext, runInContext } from '../request/call-context'
import type { Tenant } from './types'

/** The tenant of the running request or `withTenant()` call; undefined outside of both. */
export function currentTenant(): Tenant | undefined {
  return callContext()?.tenant
}

/** Runs `task` with `tenant` as the current tenant. */
export function runAsTenant<T>(tenant: Tenant, task: () => T): T {
  return runInContext({ tenant }, task)
}
