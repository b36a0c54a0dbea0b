import { createHash } from 'node:crypto'
import type { Writable } from 'node:stream'
import type { Redis } from 'ioredis'
import { followRedirection } from './redirect'
import type { RedisClient } from './types'

/** A Lua script with its digest. A call sends the 40 characters of the digest instead of the whole script. */
export interface Script {
  text: string
  digest: string
}

/** Prepares a script. All keys of a call must be in the same Cluster slot. */
export function defineScript(text: string): Script {
  return { text, digest: createHash('sha1').update(text).digest('hex') }
}

/** EVALSHA in upper case. ioredis excludes this name from its automatic pipelines, but not the lower-case one. */
export const EVALSHA_AT_ONCE = 'EVALSHA'

/**
 * Runs a script like {@link runScript}, but outside the automatic pipeline of this turn. A pipeline returns all its replies at once,
 * so that server and client work in turns and not in parallel. The script may overtake commands of the same turn,
 * so use it only for scripts that do not share keys with those commands.
 */
export function runScriptAtOnce(client: RedisClient, script: Script, keys: string[], args: (string | Buffer | number)[]): Promise<unknown> {
  // On a Cluster, only the pipelines of ioredis choose the right node.
  if (client.isCluster) return runScript(client, script, keys, args)
  const { stream } = client as Redis
  // Without a connection there is no stream, and ioredis rejects the call.
  if (stream) joinWrite(stream)
  return orWhole(client.call(EVALSHA_AT_ONCE, script.digest, keys.length, ...keys, ...args), client, script, keys, args)
}

/** Number of scripts of one turn that are sent in one write. With more, server and client would wait for each other. */
const SCRIPTS_A_WRITE = 8
/** Number of scripts that each stream buffers until the end of this turn. */
const held = new WeakMap<Writable, number>()

/**
 * Buffers the next script of a stream until the turn ends or enough scripts are together.
 * Each write is a system call, which costs the client more than all other work for a short script.
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

/** Runs a script. If the server does not know the script yet, its full text is sent. */
export function runScript(client: RedisClient, script: Script, keys: string[], args: (string | Buffer | number)[]): Promise<unknown> {
  const reply = followRedirection(client, commander => commander.evalsha(script.digest, keys.length, ...keys, ...args))
  return orWhole(reply, client, script, keys, args)
}

/** Sends the full text of a script if the server does not know its digest. */
function orWhole(
  reply: Promise<unknown>, client: RedisClient, { text }: Script, keys: string[], args: (string | Buffer | number)[],
): Promise<unknown> {
  return reply.catch((error: unknown) => {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return followRedirection(client, commander => commander.eval(text, keys.length, ...keys, ...args))
  })
}
