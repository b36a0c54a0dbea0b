import type { CacheEngine } from '../types'
import { countReads } from '../count-reads'
import { refreshHooks } from './host'
import type { NitroCacheHost } from './host'
import { resolveLifetime } from './lifetime'
import { claimName, integrityOf, namespaceOf } from './names'
import { isEventLike, stableSerialize } from './serialize'
import { withLoad } from './tags'
import type { CachedEntry, CachedFunctionOptions } from './types'

/** The stored value of a call, as JSON: the entry of Nitro without `expires`, which is computed from `mtime`. */
interface StoredValue<T> {
  value: T
  mtime: number
  integrity: string
}

/**
 * Creates a function whose results the engine caches under `function:<name>:<key>`. A missing key is loaded once in the whole cluster.
 * Options and behaviour are those of Nitro's `defineCachedFunction`. Where Nitro 2 differs from its documentation,
 * the documentation applies.
 *
 * @throws the error of `fn`; a failed call stores nothing
 */
export function createCachedFunction<T, Arguments extends unknown[]>(
  fn: (...args: Arguments) => T | Promise<T>, options: CachedFunctionOptions<T, Arguments>, host: NitroCacheHost,
): (...args: Arguments) => Promise<T> {
  let definition: { prefix: string, integrity: string } | undefined
  const reads = countReads('function', options.name || fn.name)
  return async (...args) => {
    const lifetime = resolveLifetime(options, host.settings().staleMaxAge)
    if (!lifetime || await options.shouldBypassCache?.(...args)) {
      reads.bypass.record(1)
      return fn(...args)
    }
    definition ??= describe(host.engine(), fn, options)
    const { prefix, integrity } = definition
    const key = prefix + String(await (options.getKey ?? spellArguments)(...args))
    if (await options.shouldInvalidateCache?.(...args)) await host.engine().invalidate(key)
    const event = isEventLike(args[0]) ? args[0] : undefined
    const toEntry = ({ value, mtime, integrity }: StoredValue<T>): CachedEntry<T> => ({
      value, mtime, integrity, expires: mtime + lifetime.fresh * 1000,
    })

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
      reads,
      onSource: options.onSource && (source => options.onSource!(source, ...args)),
      ...refreshHooks(host, event),
    })

    if (!options.transform) return stored.value
    const transformed = await options.transform(toEntry(stored), ...args)
    return transformed === undefined ? stored.value : transformed as T
  }
}

/** Computes the key prefix of a definition. Runs at the first call, because definitions may run while modules are still being evaluated. */
function describe(
  engine: CacheEngine, fn: (...args: never[]) => unknown, options: CachedFunctionOptions<never, never>,
): { prefix: string, integrity: string } {
  const integrity = integrityOf(fn, options)
  const namespace = namespaceOf({ ...options, name: options.name || fn.name })
  // Without a name, only the code distinguishes two functions.
  if (!namespace) return { prefix: `function:_~${integrity}:`, integrity }
  return { prefix: `function:${namespace}${claimName(engine, `function ${namespace}`, integrity)}:`, integrity }
}

/** Returns the default key: the serialized list of arguments without its brackets. An event becomes its method and path. */
function spellArguments(...args: unknown[]): string {
  return stableSerialize(args).slice(1, -1)
}
