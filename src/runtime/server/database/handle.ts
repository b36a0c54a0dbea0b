import { inspect } from 'node:util'
import { DISPOSERS } from './dispose'

/** A proxy that the app uses instead of the client, and the function that disables it. */
export interface ClientHandle<Client> {
  client: Client
  /** Disables the proxy: each further use of it, or of an object read from it, throws the error that `reason` returns. */
  poison: (reason: () => Error) => void
}

/**
 * Creates a proxy for a client that can be disabled.
 *
 * A disconnected Prisma client silently reconnects at its next use, also through a model that was read from it earlier
 * (`const users = prisma.user`). Such connections would never be closed, so the proxy also wraps the client's properties.
 * Results of methods are not wrapped. Methods run on the real client, because private fields need it.
 *
 * Only the module closes clients: `$disconnect()` and similar methods do nothing on the proxy.
 *
 * @param target the client
 * @param label name in errors and in the console, where the client itself would print its address
 */
export function createHandle<Client>(target: Client, label: string): ClientHandle<Client> {
  let dead: (() => Error) | undefined
  const covers = new WeakMap<object, object>()
  const covered = new WeakMap<object, object>()
  const keep = () => Promise.resolve()

  const client = isCoverable(target) ? cover(target, true) : target
  return { client: client as Client, poison: reason => dead ??= reason }

  function check(): void {
    if (dead) throw dead()
  }

  function cover(real: object, root = false): object {
    const known = covers.get(real)
    if (known) return known
    // The target is an empty object of the same kind, because the console would print the contents of a real target.
    const shadow = typeof real === 'function' ? function () {} : Object.create(null)
    Object.defineProperty(shadow, inspect.custom, { value: () => `[database client of ${label}]` })
    const proxy = new Proxy(shadow, {
      get(_, property) {
        if (property === inspect.custom) return shadow[property]
        if (property === 'toJSON') return () => `[database client of ${label}]`
        check()
        const isDisposer = root && (DISPOSERS as readonly PropertyKey[]).includes(property)
        if (isDisposer && typeof Reflect.get(real, property) === 'function') return keep
        return show(Reflect.get(real, property, real))
      },
      apply(_, self, args) {
        check()
        return Reflect.apply(real as () => unknown, covered.get(self) ?? self, args)
      },
      construct(_, args) {
        check()
        return Reflect.construct(real as new () => object, args)
      },
      set(_, property, value) {
        check()
        return Reflect.set(real, property, value, real)
      },
      has: (_, property) => Reflect.has(real, property),
      getPrototypeOf: () => Reflect.getPrototypeOf(real),
      ownKeys: () => Reflect.ownKeys(real).filter(key => !fixedKeys(shadow).includes(key)).concat(fixedKeys(shadow)),
      getOwnPropertyDescriptor(_, property) {
        if (fixedKeys(shadow).includes(property)) return Reflect.getOwnPropertyDescriptor(shadow, property)
        const descriptor = Reflect.getOwnPropertyDescriptor(real, property)
        if (!descriptor) return undefined
        const value = show(Reflect.get(real, property, real))
        // A proxy may report a property as not configurable only if its target has that property.
        return { enumerable: descriptor.enumerable ?? false, configurable: true, writable: true, value }
      },
    })
    covers.set(real, proxy)
    covered.set(proxy, real)
    return proxy
  }

  function show(value: unknown): unknown {
    return isCoverable(value) ? cover(value) : value
  }
}

/** The target's properties that are not configurable. A proxy must report these. */
function fixedKeys(shadow: object): PropertyKey[] & (string | symbol)[] {
  return Reflect.ownKeys(shadow).filter(key => !Reflect.getOwnPropertyDescriptor(shadow, key)!.configurable)
}

function isCoverable(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
