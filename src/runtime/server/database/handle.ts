import { inspect } from 'node:util'
import { DISPOSERS } from './dispose'

/** What is handed out in the place of a client, and the switch that ends it. */
export interface ClientHandle<Client> {
  client: Client
  /** From now on every use of the handle, and of what was taken from it, throws the error that `reason` makes. */
  poison: (reason: () => Error) => void
}

/**
 * A stand-in for a client that can be turned off.
 *
 * A disconnected Prisma client connects again in silence at its next use, also through a model that was taken from it
 * earlier (`const users = prisma.user`). Nobody would ever end those connections, so what hangs from the client is
 * covered too; what its methods return is not. Methods run on the real client, because private fields need it.
 *
 * Ending the client is the module's business: `$disconnect()` and its like do nothing on the handle.
 *
 * @param target the client
 * @param label what errors and the console call it; the client itself would print its address
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
    // The proxy stands before an empty object of the same kind: before the real one, the console would look through it.
    const shadow = typeof real === 'function' ? function () {} : Object.create(null)
    Object.defineProperty(shadow, inspect.custom, { value: () => `[database client of ${label}]` })
    const proxy = new Proxy(shadow, {
      get(_, property) {
        if (property === inspect.custom) return shadow[property]
        if (property === 'toJSON') return () => `[database client of ${label}]`
        check()
        if (root && (DISPOSERS as readonly PropertyKey[]).includes(property) && typeof Reflect.get(real, property) === 'function') return keep
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
        // A field that the stand-in does not have may not claim to be fixed.
        return descriptor && { enumerable: descriptor.enumerable ?? false, configurable: true, writable: true, value: show(Reflect.get(real, property, real)) }
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

/** Keys that a proxy must report, because its target cannot lose them. */
function fixedKeys(shadow: object): PropertyKey[] & (string | symbol)[] {
  return Reflect.ownKeys(shadow).filter(key => !Reflect.getOwnPropertyDescriptor(shadow, key)!.configurable)
}

function isCoverable(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
