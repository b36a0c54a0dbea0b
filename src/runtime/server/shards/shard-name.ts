import { show } from '../core/settings'

const SHARD_NAME = /^[a-z0-9][\w-]{0,62}$/i

/**
 * A name of a shard.
 *
 * @throws TypeError one sentence that begins with `path`
 */
export function parseShardName(name: unknown, path: string): string {
  if (typeof name === 'string' && SHARD_NAME.test(name)) return name
  throw new TypeError(`${path} holds ${show(name)}, which is no name of a shard: write up to 63 letters, digits, '-' and '_', a letter or a digit first.`)
}

/**
 * One of the shards there are.
 *
 * @throws TypeError one sentence that begins with `path`
 */
export function parseKnownShard(name: unknown, shards: readonly string[], path: string): string {
  if (typeof name === 'string' && shards.includes(name)) return name
  throw new TypeError(`${path} is ${show(name)}, which is no shard: write one of ${shards.join(', ')}.`)
}

/**
 * The same list, when no two names are equal or differ in case alone, which an id's prefix and an environment variable could not tell apart.
 *
 * @throws TypeError one sentence that begins with `path`
 */
export function refuseTwins(names: readonly string[], path: string): readonly string[] {
  const seen = new Map<string, string>()
  for (const name of names) {
    const twin = seen.get(name.toLowerCase())
    if (twin !== undefined) throw new TypeError(`${path} holds ${show(twin)} and ${show(name)}: write names that differ in more than case.`)
    seen.set(name.toLowerCase(), name)
  }
  return names
}
