import { createHash } from 'node:crypto'
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

/** Runs a script, which the server learns at the first call. */
export async function runScript(client: RedisClient, script: Script, keys: string[], args: (string | Buffer | number)[]): Promise<unknown> {
  try {
    return await followRedirection(client, commander => commander.evalsha(script.digest, keys.length, ...keys, ...args))
  }
  catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return followRedirection(client, commander => commander.eval(script.text, keys.length, ...keys, ...args))
  }
}
