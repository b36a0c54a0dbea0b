import { createHash } from 'node:crypto'
import type { Writable } from 'node:stream'
import type { Redis } from 'ioredis'
import { followRedirection } from './redirect'
import type { RedisClient } from './types'

/** A Lua script with its digest, so that a call sends forty bytes instead of the text. */
export interface Script {
  text: string
  digest: string
}

/** Prepares a script; all its keys must share a slot. */
export function defineScript(text: string): Script {
  return { text, digest: createHash('sha1').update(text).digest('hex') }
}

/** EVALSHA in the spelling that ioredis is told to leave out of its automatic pipelines. */
export const EVALSHA_AT_ONCE = 'EVALSHA'

/**
 * Runs a script as {@link runScript} does, and does not wait for others of this turn: a pipeline answers all at once, so that server and client
 * work in turn and not together. It overtakes commands of the same turn, which is for scripts that share nothing with those.
 */
export function runScriptAtOnce(client: RedisClient, script: Script, keys: string[], args: (string | Buffer | number)[]): Promise<unknown> {
  // On a Cluster the pipelines of ioredis know the nodes.
  if (client.isCluster) return runScript(client, script, keys, args)
  const { stream } = client as Redis
  // Without a connection there is no stream, and the call is refused.
  if (stream) joinWrite(stream)
  return orWhole(client.call(EVALSHA_AT_ONCE, script.digest, keys.length, ...keys, ...args), client, script, keys, args)
}

/** Scripts of one turn that go to the socket in one write. With more, the server would wait for the client, and the client for the server. */
const SCRIPTS_A_WRITE = 8
/** Scripts that each stream holds back until the end of this turn. */
const held = new WeakMap<Writable, number>()

/**
 * Holds the next script of a stream back until the turn ends or enough of them are together. A write is a system call, which costs more than
 * everything else that a short script costs the client.
 */
function joinWrite(stream: Writable): void {
  const count = held.get(stream) ?? 0
  if (count === 0) {
    stream.cork()
    process.nextTick(() => {
      held.delete(stream)
      stream.uncork()
    })
  }
  else if (count % SCRIPTS_A_WRITE === 0) {
    stream.uncork()
    stream.cork()
  }
  held.set(stream, count + 1)
}

/** Runs a script, which the server learns at the first call. */
export function runScript(client: RedisClient, script: Script, keys: string[], args: (string | Buffer | number)[]): Promise<unknown> {
  return orWhole(followRedirection(client, commander => commander.evalsha(script.digest, keys.length, ...keys, ...args)), client, script, keys, args)
}

/** Sends the text of a script that the server does not know by its digest. */
function orWhole(reply: Promise<unknown>, client: RedisClient, { text }: Script, keys: string[], args: (string | Buffer | number)[]): Promise<unknown> {
  return reply.catch((error: unknown) => {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return followRedirection(client, commander => commander.eval(text, keys.length, ...keys, ...args))
  })
}
