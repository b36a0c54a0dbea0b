import { PublicError } from '../request/errors'

/**
 * The id that decides on which shard data is. `42`, `42n` and `'42'` are the same id, because databases and route parameters use
 * different types for it.
 */
export type ShardId = string | number | bigint

/**
 * Converts an id to the string that is hashed.
 *
 * @throws HttpError 400 when the id is empty, or a number that is not a safe integer
 */
export function idText(id: ShardId): string {
  if (typeof id === 'string' && id !== '') return id
  if (typeof id === 'bigint' || Number.isSafeInteger(id)) return String(id)
  if (typeof id === 'number') {
    throw new PublicError(400, 'SHARD_ID_INVALID', `The id ${id} is not a safe integer: pass a string or a bigint.`)
  }
  const problem = id === '' ? 'an empty string' : `of type ${typeof id}`
  throw new PublicError(400, 'SHARD_ID_INVALID', `The id is ${problem}: pass a string that is not empty, a whole number or a bigint.`)
}
