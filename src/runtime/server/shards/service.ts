import { defineService } from '../core/service'
import type { ShardResolver } from './resolve'

/** The shard resolver of this process. */
export const shardsService = defineService<ShardResolver>(
  'A shard was looked up before the server started: do it in a handler, or in a plugin of your own, not at the top of a file.',
)

/** Returns the name of a shard's database for `usePrisma(name)`. */
export function databaseOfShard(shard: string): string {
  return `shard ${shard}`
}
