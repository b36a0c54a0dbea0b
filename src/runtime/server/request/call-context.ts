import { AsyncLocalStorage } from 'node:async_hooks'
import type { H3Event } from 'h3'
import type { Tenant } from './tenant'

/** What the features know of the call that runs. */
export interface CallContext {
  /** The request that it was made for. */
  event: H3Event | undefined
  /** On whose behalf it is made. */
  tenant: Tenant | undefined
  /** The databases that it has leased: the `LeaseScope` of the feature `database`, which alone reads it. */
  leases: object | undefined
}

/** One for all features, since to enter one costs two maps. */
const storage = new AsyncLocalStorage<CallContext>()

/** The context of the current call; undefined outside of all requests, jobs and `withTenant`. */
export function callContext(): CallContext | undefined {
  return storage.getStore()
}

/** Runs a task in a context of its own, which differs from the current one in `change`. */
export function runInContext<T>(change: Partial<Omit<CallContext, 'event'>>, task: () => T): T {
  const { event, tenant, leases } = storage.getStore() ?? {}
  return storage.run({ event, tenant, leases, ...change }, task)
}

/** Runs what answers a request. Whichever feature comes first makes its context, and the others write into that. */
export function runRequest<Part extends 'tenant' | 'leases', T>(event: H3Event, part: Part, value: CallContext[Part], task: () => T): T {
  const current = storage.getStore()
  if (current?.event === event) {
    current[part] = value
    return task()
  }
  const context: CallContext = { event, tenant: current?.tenant, leases: current?.leases }
  context[part] = value
  return storage.run(context, task)
}
