import { defineService } from '../core/service'
import type { ShardResolver } from './resolve'

/** The shards of this process. */
export const shardsService = defineService<ShardResolver>('A shard was looked up before the server started: do it in a handler, or in a plugin of your own, not at the top of a file.')

/** The name under which the database feature knows a shard. */
export function databaseOfShard(shard: string): string {
  return `shard ${shard}`
}
