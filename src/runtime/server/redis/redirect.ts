import type { ChainableCommander } from 'ioredis'
import type { RedisClient } from './types'

/** What a command can be called on: the client, or a pipeline of it. */
export type Commander = RedisClient | ChainableCommander

/**
 * Sends one command, and sends it again by itself when a Cluster answers that its slot has moved.
 *
 * With auto-pipelining ioredis follows a redirection only when every command of the pipeline met it, so while slots move a single command fails with MOVED, ASK or TRYAGAIN.
 * Such a command was not executed; alone in a pipeline ioredis leads it to the right node.
 */
export function followRedirection<T>(client: RedisClient, send: (commander: Commander) => unknown): Promise<T> {
  const reply = send(client) as Promise<T>
  return client.isCluster ? reply.catch(error => sendAgain<T>(client, send, error)) : reply
}

async function sendAgain<T>(client: RedisClient, send: (commander: Commander) => unknown, error: unknown): Promise<T> {
  if (!(error instanceof Error) || !/^(?:MOVED|ASK|TRYAGAIN) ?/.test(error.message)) throw error
  const pipeline = client.pipeline()
  send(pipeline)
  const [failure, value] = (await pipeline.exec())![0]!
  if (failure) throw failure
  return value as T
}
