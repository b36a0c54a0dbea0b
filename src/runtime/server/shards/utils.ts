import type { ScaleDatabaseClient } from '../database/types'
import type { DatabaseCopyOptions } from '../database/utils'
import { usePrisma } from '../database/utils'
import { instrument } from '../core/instruments'
import { shardsService, databaseOfShard } from './resolve'
import type { ShardId } from './id'
import type { ShardTarget } from './resolve'
import type { PartialResult, ScatterOptions } from './scatter'
import { scatterOver } from './scatter'

const queries = instrument('scale.shard.queries')

/**
 * Returns the client of a user's shard. The shard is found by the override of the id, then by its prefix, then by its slot.
 *
 * @param options selects the copy: `role: 'reader'` or `'auto'` reads from a replica of the shard
 * @throws HttpError 400 for an invalid id
 * @example
 * ```ts
 * const user = await getShardForUser(id).user.findUnique({ where: { id } })
 * ```
 */
export function getShardForUser(userId: ShardId, options?: DatabaseCopyOptions): ScaleDatabaseClient {
  return clientOf(shardsService.use().shardOfId(userId), options)
}

/** Returns the client of the shard of any key, such as an order number. @throws HttpError 400 for an invalid key */
export function getShardForKey(key: ShardId, options?: DatabaseCopyOptions): ScaleDatabaseClient {
  return clientOf(shardsService.use().shardOfId(key), options)
}

/**
 * Returns the client of a region's shard, by `scale.shards.regions` and then by `scale.shards.defaultRegion`.
 *
 * @throws HttpError 400 for an unknown region
 */
export function getShardForRegion(region: string, options?: DatabaseCopyOptions): ScaleDatabaseClient {
  return clientOf(shardsService.use().shardOfRegion(region), options)
}

/**
 * Returns the name of the shard of a `{ userId }`, `{ key }` or `{ region }`, or of a `{ model }` or `{ domain }` that
 * `scale.shards.placement` contains.
 *
 * @throws HttpError 400 for an invalid id or an unknown region; Error for a model or domain without a shard
 */
export function resolveShard(target: ShardTarget): string {
  return shardsService.use().resolveShard(target)
}

/** Options of {@link scatter}. */
export type ScatterShardsOptions<Value, Merged> = ScatterOptions<Value, Merged> & DatabaseCopyOptions & {
  /** Names of the shards to query. By default all shards. */
  shards?: readonly string[]
}

/**
 * Queries several shards concurrently, each with a time limit, and merges their results.
 *
 * @param ask receives the client of a shard, the shard's name, and a signal that aborts at the time limit
 * @throws ScatterError of the first shard that fails. With `onError: 'partial'`, only if no shard answers
 * @example
 * ```ts
 * const { results, partial } = await scatter(shard => shard.order.count(), { onError: 'partial', timeout: '2s' })
 * ```
 */
export function scatter<Value, Merged = Value[]>(
  ask: (client: ScaleDatabaseClient, shard: string, signal: AbortSignal) => Value | Promise<Value>,
  options: ScatterShardsOptions<Value, Merged> & { onError: 'partial' },
): Promise<PartialResult<Merged>>
export function scatter<Value, Merged = Value[]>(
  ask: (client: ScaleDatabaseClient, shard: string, signal: AbortSignal) => Value | Promise<Value>,
  options?: ScatterShardsOptions<Value, Merged> & { onError?: 'fail' },
): Promise<Merged>
export function scatter<Value, Merged>(
  ask: (client: ScaleDatabaseClient, shard: string, signal: AbortSignal) => Value | Promise<Value>,
  { shards = shardsService.use().shards, role, ...options }: ScatterShardsOptions<Value, Merged> = {},
): Promise<Merged | PartialResult<Merged>> {
  const limits = options as ScatterOptions<Value, Merged> & { onError: 'partial' }
  return scatterOver<Value, Merged>(shards, (shard, signal) => ask(clientOf(shard, { role }, 'scatter'), shard, signal), limits)
}

function clientOf(shard: string, options?: DatabaseCopyOptions, kind: 'single' | 'scatter' = 'single'): ScaleDatabaseClient {
  queries.record(1, shard, kind)
  return usePrisma(databaseOfShard(shard), options)
}
