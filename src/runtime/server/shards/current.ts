import type { ShardResolver } from './resolve'

let resolver: ShardResolver | undefined

/** @throws Error before the server has started */
export function currentShards(): ShardResolver {
  if (!resolver) throw new Error('A shard was looked up before the server started: do it in a handler, or in a plugin of your own, not at the top of a file.')
  return resolver
}

export function setCurrentShards(newResolver: ShardResolver): void {
  resolver = newResolver
}

/** The name under which the database feature knows a shard. */
export function databaseOfShard(shard: string): string {
  return `shard ${shard}`
}
