import { AsyncLocalStorage } from 'node:async_hooks'
import type { H3Event } from 'h3'
import type { Tenant } from './tenant'

/** The context of the current call, which all features share. */
export interface CallContext {
  /** The current request. */
  event: H3Event | undefined
  /** The tenant of the call. */
  tenant: Tenant | undefined
  /** The id of the request in logs, with `scale.log`. */
  requestId: string | undefined
  /** The databases that it has leased: the `LeaseScope` of the feature `database`, which alone reads it. */
  leases: object | undefined
}

/** All features share one storage, because entering each storage costs two maps. */
const storage = new AsyncLocalStorage<CallContext>()

/** Returns the context of the current call; undefined outside requests, jobs and `withTenant`. */
export function callContext(): CallContext | undefined {
  return storage.getStore()
}

/** Runs a task in a copy of the current context with changes. */
export function runInContext<T>(change: Partial<Omit<CallContext, 'event'>>, task: () => T): T {
  const { event, tenant, requestId, leases } = storage.getStore() ?? {}
  return storage.run({ event, tenant, requestId, leases, ...change }, task)
}

/** Runs the handler of a request in the context of that request. The first feature creates the context, and the others write into it. */
export function runRequest<Part extends Exclude<keyof CallContext, 'event'>, T>(
  event: H3Event, part: Part, value: CallContext[Part], task: () => T,
): T {
  const current = storage.getStore()
  if (current?.event === event) {
    current[part] = value
    return task()
  }
  const context: CallContext = { event, tenant: current?.tenant, requestId: current?.requestId, leases: current?.leases }
  context[part] = value
  return storage.run(context, task)
}

/** The tenant of the running request or `withTenant()` call; undefined outside of both. */
export function currentTenant(): Tenant | undefined {
  return callContext()?.tenant
}

/** Runs `task` with `tenant` as the current tenant. */
export function runAsTenant<T>(tenant: Tenant, task: () => T): T {
  return runInContext({ tenant }, task)
}

/** Returns the scope of the current call: the id of the tenant, or '' for none. Features store the data of each scope separately. */
export function currentScope(): string {
  return callContext()?.tenant?.id ?? ''
}

type ScopeRunner = (scope: string, task: () => unknown) => unknown

let runner: ScopeRunner | undefined

/** Runs a task in the scope of another call, such as a consumer in the scope of the publisher. Without scopes, it just runs the task. */
export function runInScope(scope: string, task: () => unknown): unknown {
  return runner === undefined || scope === '' ? task() : runner(scope, task)
}

/** Sets the function that runs a task in a scope. */
export function provideScopeRunner(enter: ScopeRunner | undefined): void {
  runner = enter
}
