import type { CacheEngine } from '../types'
import { shortHash, stableSerialize } from './serialize'
import type { NamingOptions } from './types'

/** The integrities of the definitions by name, for each engine. */
const registries = new WeakMap<CacheEngine, Map<string, Set<string>>>()

/** Maximum number of registered names. Further names always get their integrity, so that names created at run time use no memory. */
const MOST_NAMES = 10_000

/** Default values that Nitro sets for `base` and `group`. They are left out of the key. */
const nitroDefaults = new Set(['/cache', 'cache', 'nitro/functions', 'nitro/handlers', 'nitro/routes'])

/** Returns a hash of the code and options of a definition, or of its `integrity` option. */
export function integrityOf(code: unknown, options: NamingOptions): string {
  return shortHash(stableSerialize(options.integrity ?? [code, options]))
}

/**
 * Returns `base/group/name`, with the parts that the options set, or undefined if they set none.
 * Characters that separate the parts of a key are percent-encoded, and the first character is never a slash.
 */
export function namespaceOf({ base, group, name }: NamingOptions): string | undefined {
  const parts = [base, group].filter(part => part && !nitroDefaults.has(part))
  if (parts.length === 0 && !name) return undefined
  return [...parts, name || '_'].map(part => encodeName(part!)).join('/')
}

function encodeName(part: string): string {
  return part.replace(/[%:#?~;=]|^\//g, character => encodeURIComponent(character))
}

/**
 * Assigns `name` to the first definition in this process that claims it. A different definition with the same name gets its integrity
 * as a suffix. Two definitions with the same code and options share their entries, as in Nitro.
 *
 * @returns `''` for the owner of the name, otherwise `~` and the integrity
 */
export function claimName(engine: CacheEngine, name: string, integrity: string): string {
  let names = registries.get(engine)
  if (!names) registries.set(engine, names = new Map())
  let claims = names.get(name)
  if (!claims && names.size >= MOST_NAMES) return `~${integrity}`
  if (!claims) names.set(name, claims = new Set())
  const [owner] = claims.add(integrity)
  return owner === integrity ? '' : `~${integrity}`
}
