import type { ChainableCommander } from 'ioredis'
import type { RedisClient } from './types'

/** A receiver of commands: the client, or one of its pipelines. */
export type Commander = RedisClient | ChainableCommander

/**
 * Sends one command. If a Cluster answers that the slot has moved, sends the command again in a pipeline of its own.
 *
 * With auto-pipelining, ioredis follows a redirection only if every command of the pipeline was redirected. While slots move,
 * a single command therefore fails with MOVED, ASK or TRYAGAIN. The server did not execute such a command.
 * If the command is alone in a pipeline, ioredis sends it to the right node.
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
