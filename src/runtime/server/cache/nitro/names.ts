import type { CacheEngine } from '../types'
import { shortHash, stableSerialize } from './serialize'
import type { NamingOptions } from './types'

/** Definitions by name, of each engine. */
const registries = new WeakMap<CacheEngine, Map<string, Set<string>>>()

/** Names beyond this are told apart by integrity at once, so that names made up at run time fill no memory. */
const MOST_NAMES = 10_000

/** Values of `base` and `group` that Nitro sets by itself and that say nothing in a key. */
const silent = new Set(['/cache', 'cache', 'nitro/functions', 'nitro/handlers', 'nitro/routes'])

/** Hash of the code and options of one definition, or of the `integrity` it was given. */
export function integrityOf(code: unknown, options: NamingOptions): string {
  return shortHash(stableSerialize(options.integrity ?? [code, options]))
}

/**
 * `base/group/name` as far as the user set them, or undefined when he set none of them.
 * What separates the parts of a key is percent-encoded, and the first character is never a slash.
 */
export function namespaceOf({ base, group, name }: NamingOptions): string | undefined {
  const parts = [base, group].filter(part => part && !silent.has(part))
  if (parts.length === 0 && !name) return undefined
  return [...parts, name || '_'].map(part => encodeName(part!)).join('/')
}

function encodeName(part: string): string {
  return part.replace(/[%:#?~;=]|^\//g, character => encodeURIComponent(character))
}

/**
 * Gives `name` to the first definition that asks for it in this process, and tells a different one apart by its integrity.
 * Two definitions with the same code and options share their entries, as in Nitro.
 *
 * @returns `''` for the owner, else `~` and the integrity
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
