import type { H3Event } from 'h3'
import type { Tenant } from './types'

const TENANT = Symbol('tenant of this context')
const CONTEXT = Symbol('context of this event')

type GuardedContext = Record<PropertyKey, unknown> & { [TENANT]?: Tenant }
type GuardedEvent = H3Event & { [CONTEXT]?: GuardedContext }

/**
 * Global symbol name of the function that guards a new `event.context`.
 * Events of a built server call it in their `context` setter, which `build/nitro-patches.ts` adds.
 */
export const CONTEXT_KEEPER = 'nuxt-scale:event-context'

/** Message for an app that assigns `event.context.tenant`. */
export const REFUSED_ASSIGNMENT = 'event.context.tenant was set by the app, but only scale.tenancy may set it, because caches use it. '
  + 'Remove the assignment, or return the tenant\'s id from tenant() in server/scale.config.ts.'

/**
 * Lets only the module set `event.context.tenant`, so that the data of a response and its cache key always belong to the same tenant.
 *
 * The app cannot assign, delete or redefine the property, and a new `event.context` keeps it. Setting the same tenant again is allowed,
 * because copies of the context do that.
 *
 * @param refuse called for each attempt to set another tenant. The tenant stays unchanged, even if `refuse` throws
 * @returns a function that sets the tenant of an event. The app cannot replace `undefined` (no tenant) either
 */
export function createTenantGuard(refuse: () => void): (event: H3Event, tenant: Tenant | undefined) => void {
  // The descriptors are shared by all events, so a request allocates no closures.
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
      // Assigning a guarded context once is enough: the setter keeps the guard from then on.
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

/** False for a frozen context, and for one that is guarded for another tenant: the caller copies those instead. */
function canBeGuarded(context: GuardedContext): boolean {
  return Object.isExtensible(context) && Object.getOwnPropertyDescriptor(context, 'tenant')?.configurable !== false
}
