import { createHmac, randomBytes } from 'node:crypto'
import type { TracingChannel } from 'node:diagnostics_channel'
import { tracingChannel } from 'node:diagnostics_channel'

/** Fields that Node adds to each operation of a tracing channel. */
interface Outcome {
  /** The value that the operation returned, from `asyncStart` on. It can contain data of your app. */
  result?: unknown
  /** The error that the operation threw, from `error` on. Its message can contain a key. */
  error?: unknown
}

/** An operation on the channel `scale.cache`: the loader of a cached value runs. */
export interface CacheOperation extends Outcome {
  operation: 'load'
  /** Where the value is cached: `function`, `handler`, `route` or `manual`. */
  surface: string
  /** Declared name of the function or handler; empty if there is none. */
  name: string
  /** Hash of the key. It is the same for equal keys of one process, and differs between processes. */
  keyHash: string
}

/** An operation on the channel `scale.publish`: a message is sent, until the broker confirms it. */
export interface PublishOperation extends Outcome {
  operation: 'publish'
  exchange: string
}

/** An operation on the channel `scale.consume`: the handler of a consumer runs for one message. */
export interface ConsumeOperation extends Outcome {
  operation: 'process'
  queue: string
  /** Exchange that the message was published to originally, also after retries. */
  exchange: string
  /** Number of this attempt, starting with 1. */
  attempt: number
  /** W3C trace context of the message, if its publisher has sent one. */
  traceparent: string | undefined
  tracestate: string | undefined
}

/** An operation on the channel `scale.shard`: a whole `scatter()`, or the query of one of its shards. */
export type ShardOperation = Outcome & (
  | { operation: 'scatter', shards: readonly string[] }
  | { operation: 'query', shard: string }
)

/** An operation on the channel `scale.database`: a call waits for the client of a database. */
export interface DatabaseOperation extends Outcome {
  operation: 'lease'
  /** Name of a configured database, or `tenants` for the databases of tenants. It never is the id of a tenant. */
  group: string
}

/**
 * The channels on which features publish their operations, for every tool that listens to Node's tracing channels. Check
 * `hasSubscribers` before a call of `tracePromise`, so that no operation is created without a subscriber.
 *
 * @see https://nodejs.org/api/diagnostics_channel.html#tracingchannel-channels
 */
export const cacheChannel = channelOf<CacheOperation>('scale.cache')
export const publishChannel = channelOf<PublishOperation>('scale.publish')
export const consumeChannel = channelOf<ConsumeOperation>('scale.consume')
export const shardChannel = channelOf<ShardOperation>('scale.shard')
export const databaseChannel = channelOf<DatabaseOperation>('scale.database')

function channelOf<Operation extends object>(name: string): TracingChannel<unknown, Operation> {
  return tracingChannel<unknown, Operation>(name)
}

let secret: Buffer | undefined

/** Returns a hash of a cache key, which can contain personal data. Without the secret of this process it cannot be guessed. */
export function hashKey(key: string): string {
  secret ??= randomBytes(32)
  return createHmac('sha256', secret).update(key).digest('hex').slice(0, 16)
}
