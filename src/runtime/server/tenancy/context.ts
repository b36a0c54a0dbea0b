import { callContext, runInContext } from '../call-context'
import type { Tenant } from './types'

/** The tenant of everything that runs on behalf of a request or of `withTenant`. */
export function currentTenant(): Tenant | undefined {
  return callContext()?.tenant
}

export function runAsTenant<T>(tenant: Tenant, task: () => T): T {
  return runInContext({ tenant }, task)
}
