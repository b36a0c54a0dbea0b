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

/** Runs a script, which the server learns at the first call. */
export function runScript(client: RedisClient, { digest, text }: Script, keys: string[], args: (string | Buffer | number)[]): Promise<unknown> {
  return followRedirection(client, commander => commander.evalsha(digest, keys.length, ...keys, ...args)).catch((error: unknown) => {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return followRedirection(client, commander => commander.eval(text, keys.length, ...keys, ...args))
  })
}
