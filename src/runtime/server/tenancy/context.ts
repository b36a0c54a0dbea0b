import { AsyncLocalStorage } from 'node:async_hooks'
import type { Tenant } from './types'

/** The tenant of everything that runs on behalf of a request or of `withTenant`. */
const storage = new AsyncLocalStorage<Tenant>()

export function currentTenant(): Tenant | undefined {
  return storage.getStore()
}

export function runAsTenant<T>(tenant: Tenant, task: () => T): T {
  return storage.run(tenant, task)
}

/** Runs without a tenant: for connections, timers and consumers, which would else keep the tenant of whoever came first. */
export function runWithoutTenant<T>(task: () => T): T {
  return storage.exit(task)
}
