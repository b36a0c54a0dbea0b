import type { ScaleDatabaseClient } from '../database/types'
import type { DatabaseCopyOptions } from '../database/utils'
import { usePrisma } from '../database/utils'
import { shardsService, databaseOfShard } from './service'
import type { ShardId } from './id'
import type { ShardTarget } from './resolve'
import type { PartialResult, ScatterOptions } from './scatter'
import { scatter as askShards } from './scatter'

/**
 * The client of the shard that holds a user: that of its override, else of the prefix of its id, else of its slot.
 *
 * @param options `role: 'reader'` or `'auto'` reads from a replica of the shard
 * @throws HttpError 400 for what is no id
 * @example
 * ```ts
 * const user = await getShardForUser(id).user.findUnique({ where: { id } })
 * ```
 */
export function getShardForUser(userId: ShardId, options?: DatabaseCopyOptions): ScaleDatabaseClient {
  return clientOf(shardsService.use().shardOfId(userId), options)
}

/** The client of the shard that holds a key of any kind, such as an order's number. @throws HttpError 400 for what is no key */
export function getShardForKey(key: ShardId, options?: DatabaseCopyOptions): ScaleDatabaseClient {
  return clientOf(shardsService.use().shardOfId(key), options)
}

/**
 * The client of a region's shard, by `scale.shards.regions`, else of `defaultRegion`.
 *
 * @throws HttpError 400 for a region that leads to no shard
 */
export function getShardForRegion(region: string, options?: DatabaseCopyOptions): ScaleDatabaseClient {
  return clientOf(shardsService.use().shardOfRegion(region), options)
}

/**
 * The name of a shard: of `{ userId }`, `{ key }`, `{ region }`, or of a whole `{ model }` or `{ domain }` that `scale.shards.placement` puts somewhere.
 *
 * @throws HttpError 400 for an id or a region that leads nowhere; Error for a model or domain that has no place
 */
export function resolveShard(target: ShardTarget): string {
  return shardsService.use().resolveShard(target)
}

/** How {@link scatter} asks, and whom. */
export type ScatterShardsOptions<Value, Merged> = ScatterOptions<Value, Merged> & DatabaseCopyOptions & {
  /** Names of the shards to ask. Default: all. */
  shards?: readonly string[]
}

/**
 * Asks several shards at once, each within its deadline, and merges what they answer.
 *
 * @param ask gets the client of a shard, its name, and a signal that is aborted at its deadline
 * @throws ScatterError of the first shard that fails; under `onError: 'partial'` only when none answers
 * @example
 * ```ts
 * const { results, partial } = await scatter(shard => shard.order.count(), { onError: 'partial', timeout: '2s' })
 * ```
 */
export function scatter<Value, Merged = Value[]>(ask: (client: ScaleDatabaseClient, shard: string, signal: AbortSignal) => Value | Promise<Value>, options: ScatterShardsOptions<Value, Merged> & { onError: 'partial' }): Promise<PartialResult<Merged>>
export function scatter<Value, Merged = Value[]>(ask: (client: ScaleDatabaseClient, shard: string, signal: AbortSignal) => Value | Promise<Value>, options?: ScatterShardsOptions<Value, Merged> & { onError?: 'fail' }): Promise<Merged>
export function scatter<Value, Merged>(
  ask: (client: ScaleDatabaseClient, shard: string, signal: AbortSignal) => Value | Promise<Value>,
  { shards = shardsService.use().shards, role, ...options }: ScatterShardsOptions<Value, Merged> = {},
): Promise<Merged | PartialResult<Merged>> {
  return askShards<Value, Merged>(shards, (shard, signal) => ask(clientOf(shard, { role }), shard, signal), options as ScatterOptions<Value, Merged> & { onError: 'partial' })
}

function clientOf(shard: string, options?: DatabaseCopyOptions): ScaleDatabaseClient {
  return usePrisma(databaseOfShard(shard), options)
}
