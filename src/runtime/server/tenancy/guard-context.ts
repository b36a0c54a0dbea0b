import type { H3Event } from 'h3'
import type { Tenant } from './types'

const TENANT = Symbol('tenant of this context')
const CONTEXT = Symbol('context of this event')

type GuardedContext = Record<PropertyKey, unknown> & { [TENANT]?: Tenant }
type GuardedEvent = H3Event & { [CONTEXT]?: GuardedContext }

/** Where the events of a built server ask what a new context must be, once they have a setter for it (`features/event-context.ts`). */
export const CONTEXT_KEEPER = 'nuxt-scale:event-context'

/** What the app is told when it sets the tenant itself. */
export const REFUSED_ASSIGNMENT = 'event.context.tenant was set by the app, but scale.tenancy decides it, and caches use its tenant. '
  + 'Remove the assignment, or return the tenant\'s id from tenant() in server/scale.config.ts.'

/**
 * Makes `event.context.tenant` the module's alone, so that the data of a response and the key under which it is cached belong to
 * one tenant.
 *
 * It cannot be assigned, deleted or defined again, and a new `event.context` keeps it. Setting the same tenant again is allowed,
 * since copies of the context do that.
 *
 * @param refuse called for each attempt to set another tenant. When it throws, nothing has changed
 * @returns gives an event its tenant; `undefined` for none, which the app cannot replace either
 */
export function createTenantGuard(refuse: () => void): (event: H3Event, tenant: Tenant | undefined) => void {
  // One pair of functions for all events.
  const tenantProperty: PropertyDescriptor & ThisType<GuardedContext> = {
    enumerable: true,
    configurable: false,
    get() {
      return this[TENANT]
    },
    set(tenant: unknown) {
      if (tenant !== this[TENANT]) refuse()
    },
  }
  const contextProperty: PropertyDescriptor & ThisType<GuardedEvent> = {
    enumerable: true,
    configurable: false,
    get() {
      return this[CONTEXT]
    },
    set(next: unknown) {
      this[CONTEXT] = guard(next, this[CONTEXT]![TENANT])
    },
  }

  function guard(given: unknown, tenant: Tenant | undefined): GuardedContext {
    const next = (typeof given === 'object' && given !== null ? given : {}) as GuardedContext
    if (Object.hasOwn(next, TENANT) && next[TENANT] === tenant) return next
    if (next.tenant !== undefined && next.tenant !== tenant) refuse()
    const context = canBeGuarded(next) ? next : { ...next }
    Object.defineProperty(context, TENANT, { value: tenant, writable: true })
    return Object.defineProperty(context, 'tenant', tenantProperty)
  }

  const keep = (next: unknown, current: GuardedContext) => Object.hasOwn(current, TENANT) ? guard(next, current[TENANT]) : next
  Object.assign(globalThis, { [Symbol.for(CONTEXT_KEEPER)]: keep })

  return (event: GuardedEvent, tenant) => {
    if (!Object.hasOwn(event, 'context')) {
      // A new context is set once, so that the setter finds a guarded one from then on.
      if (Object.hasOwn(event.context, TENANT)) (event.context as GuardedContext)[TENANT] = tenant
      else event.context = guard(event.context, tenant)
      return
    }
    if (event[CONTEXT]) {
      event[CONTEXT][TENANT] = tenant
      return
    }
    Object.defineProperty(event, CONTEXT, { value: guard(event.context, tenant), writable: true })
    Object.defineProperty(event, 'context', contextProperty)
  }
}

/** A context that is frozen, or that belongs to a request of another tenant, is copied instead. */
function canBeGuarded(context: GuardedContext): boolean {
  return Object.isExtensible(context) && Object.getOwnPropertyDescriptor(context, 'tenant')?.configurable !== false
}
