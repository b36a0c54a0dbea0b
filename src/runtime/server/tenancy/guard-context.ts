import type { H3Event } from 'h3'
import type { Tenant } from './types'

const CONTEXT = Symbol('context of this event')

type Context = Record<PropertyKey, unknown>
type GuardedEvent = H3Event & { [CONTEXT]?: Context }

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
  const tenantProperty: PropertyDescriptor & ThisType<Context> = {
    enumerable: true,
    configurable: false,
    get() {
      return TenantOfContext.read(this)
    },
    set(tenant: unknown) {
      if (tenant !== TenantOfContext.read(this)) refuse()
    },
  }
  const contextProperty: PropertyDescriptor & ThisType<GuardedEvent> = {
    enumerable: true,
    configurable: false,
    get() {
      return this[CONTEXT]
    },
    set(next: unknown) {
      this[CONTEXT] = guard(next, TenantOfContext.read(this[CONTEXT]!))
    },
  }

  function guard(given: unknown, tenant: Tenant | undefined): Context {
    const next = (typeof given === 'object' && given !== null ? given : {}) as Context
    const named = next.tenant
    if (named !== undefined && named !== tenant) refuse()
    if (TenantOfContext.isIn(next)) return named === tenant ? next : guard({ ...next, tenant }, tenant)
    const context = canBeGuarded(next) ? next : { ...next }
    TenantOfContext.add(context, tenant)
    return Object.defineProperty(context, 'tenant', tenantProperty)
  }

  const keep = (next: unknown, current: Context) => TenantOfContext.isIn(current) ? guard(next, TenantOfContext.read(current)) : next
  Object.assign(globalThis, { [Symbol.for(CONTEXT_KEEPER)]: keep })

  return (event: GuardedEvent, tenant) => {
    const context = event.context as Context
    if (TenantOfContext.isIn(context)) {
      TenantOfContext.change(context, tenant)
      return
    }
    const guarded = guard(context, tenant)
    if (Object.hasOwn(event, 'context')) {
      Object.defineProperty(event, CONTEXT, { value: guarded, writable: true })
      Object.defineProperty(event, 'context', contextProperty)
    }
    // Assigning a guarded context once is enough: the setter keeps the guard from then on.
    else if (guarded !== context) {
      event.context = guarded
    }
  }
}

/** A constructor that returns its argument, so that a class below can add a private field to an object that exists already. */
const Existing = function (context: Context) {
  return context
} as unknown as new (context: Context) => object

/**
 * The tenant of a context, in a private field of the context: copies do not contain it, and other code cannot write it. Adding a private
 * field is much faster than defining a property that cannot be enumerated.
 */
class TenantOfContext extends Existing {
  #tenant: Tenant | undefined

  static add(context: Context, tenant: Tenant | undefined): void {
    // The result is used, because Rollup removes an expression that only creates an object.
    new TenantOfContext(context).#tenant = tenant
  }

  static isIn(context: Context): boolean {
    return #tenant in context
  }

  static change(context: Context, tenant: Tenant | undefined): void {
    (context as unknown as TenantOfContext).#tenant = tenant
  }

  /** An object that inherits from a context has the tenant of that context. */
  static read(context: Context): Tenant | undefined {
    let owner = context
    while (!(#tenant in owner)) owner = Object.getPrototypeOf(owner) as Context
    return (owner as unknown as TenantOfContext).#tenant
  }
}

/** False for a frozen context, and for one whose property `tenant` cannot be replaced: the caller copies those instead. */
function canBeGuarded(context: Context): boolean {
  return Object.isExtensible(context)
    && (!Object.hasOwn(context, 'tenant') || Object.getOwnPropertyDescriptor(context, 'tenant')!.configurable === true)
}
