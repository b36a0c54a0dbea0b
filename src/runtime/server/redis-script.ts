import { createHash } from 'node:crypto'
import { followRedirection } from './redis/redirect'
import type { RedisClient } from './redis/types'

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
  return orWhole(client.call(EVALSHA_AT_ONCE, script.digest, keys.length, ...keys, ...args), client, script, keys, args)
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
