import type { CacheEngine } from '../types'
import { refreshHooks } from './host'
import type { NitroCacheHost } from './host'
import { resolveLifetime } from './lifetime'
import { claimName, integrityOf, namespaceOf } from './names'
import { isEventLike, stableSerialize } from './serialize'
import { withLoad } from './tags'
import type { CachedEntry, CachedFunctionOptions } from './types'

/** What is stored for a call, as JSON: the entry of Nitro without `expires`, which follows from `mtime`. */
interface StoredValue<T> {
  value: T
  mtime: number
  integrity: string
}

/**
 * A function whose results are kept by the engine under `function:<name>:<key>`, one load a key in the whole cluster.
 * Options and behaviour are those of Nitro's `defineCachedFunction`; where Nitro 2 leaves a fault, the documented meaning holds.
 *
 * @throws what `fn` throws; nothing of a failed call is stored
 */
export function createCachedFunction<T, Arguments extends unknown[]>(
  fn: (...args: Arguments) => T | Promise<T>, options: CachedFunctionOptions<T, Arguments>, host: NitroCacheHost,
): (...args: Arguments) => Promise<T> {
  let definition: { prefix: string, integrity: string } | undefined
  return async (...args) => {
    const lifetime = resolveLifetime(options, host.settings().staleMaxAge)
    if (!lifetime || await options.shouldBypassCache?.(...args)) return fn(...args)
    definition ??= describe(host.engine(), fn, options)
    const { prefix, integrity } = definition
    const key = prefix + String(await (options.getKey ?? spellArguments)(...args))
    if (await options.shouldInvalidateCache?.(...args)) await host.engine().invalidate(key)
    const event = isEventLike(args[0]) ? args[0] : undefined
    const toEntry = ({ value, mtime, integrity }: StoredValue<T>): CachedEntry<T> => ({ value, mtime, integrity, expires: mtime + lifetime.fresh * 1000 })

    const stored = await host.engine().get<StoredValue<T>>(key, async (context) => {
      const run = () => fn(...args)
      const value = await (event ? withLoad(event, context, run) : run())
      return { value, mtime: Date.now(), integrity }
    }, {
      ttl: lifetime.fresh,
      staleTtl: lifetime.stale,
      tags: typeof options.tags === 'function' ? await options.tags(...args) : options.tags,
      validate: stored => stored?.integrity === integrity && stored.value !== undefined
        && options.validate?.(toEntry(stored), ...args) !== false,
      onSource: options.onSource && (source => options.onSource!(source, ...args)),
      ...refreshHooks(host, event),
    })

    if (!options.transform) return stored.value
    const transformed = await options.transform(toEntry(stored), ...args)
    return transformed === undefined ? stored.value : transformed as T
  }
}

/** Done at the first call: a definition may be made while modules are still being evaluated. */
function describe(engine: CacheEngine, fn: (...args: never[]) => unknown, options: CachedFunctionOptions<never, never>): { prefix: string, integrity: string } {
  const integrity = integrityOf(fn, options)
  const namespace = namespaceOf({ ...options, name: options.name || fn.name })
  // Without a name nothing but the code tells two functions apart.
  if (!namespace) return { prefix: `function:_~${integrity}:`, integrity }
  return { prefix: `function:${namespace}${claimName(engine, `function ${namespace}`, integrity)}:`, integrity }
}

/** The default key: the arguments as a list without its brackets; an event counts as its method and path. */
function spellArguments(...args: unknown[]): string {
  return stableSerialize(args).slice(1, -1)
}
