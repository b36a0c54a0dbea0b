import { show } from '../core/settings'

const SHARD_NAME = /^[a-z0-9][\w-]{0,62}$/i

/**
 * Checks the name of a shard.
 *
 * @throws TypeError whose message begins with `path`
 */
export function parseShardName(name: unknown, path: string): string {
  if (typeof name === 'string' && SHARD_NAME.test(name)) return name
  throw new TypeError(`${path} contains ${show(name)}, which is not a valid shard name:`
    + ' write up to 63 letters, digits, \'-\' and \'_\', with a letter or digit first.')
}

/**
 * Checks that `name` is one of `shards`.
 *
 * @throws TypeError whose message begins with `path`
 */
export function parseKnownShard(name: unknown, shards: readonly string[], path: string): string {
  if (typeof name === 'string' && shards.includes(name)) return name
  throw new TypeError(`${path} is ${show(name)}, which is not a shard: write one of ${shards.join(', ')}.`)
}

/**
 * Checks that no two names are equal or differ only in case. Prefixes of ids and environment variables could not distinguish them.
 *
 * @returns `names`
 * @throws TypeError whose message begins with `path`
 */
export function refuseTwins(names: readonly string[], path: string): readonly string[] {
  const seen = new Map<string, string>()
  for (const name of names) {
    const twin = seen.get(name.toLowerCase())
    if (twin !== undefined) {
      throw new TypeError(`${path} contains ${show(twin)} and ${show(name)}: write names that differ in more than case.`)
    }
    seen.set(name.toLowerCase(), name)
  }
  return names
}
