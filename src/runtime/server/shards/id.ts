import { PublicError } from '../request/errors'

/** What data is placed by. `42`, `42n` and `'42'` are one id, because a database and a route parameter spell it differently. */
export type ShardId = string | number | bigint

/**
 * The one spelling of an id, which is what is hashed.
 *
 * @throws HttpError 400 when it is empty, or a number that cannot be told from its neighbours
 */
export function idText(id: ShardId): string {
  if (typeof id === 'string' && id !== '') return id
  if (typeof id === 'bigint' || Number.isSafeInteger(id)) return String(id)
  if (typeof id === 'number') throw new PublicError(400, 'SHARD_ID_INVALID', `The id ${id} is not a whole number that is kept exactly: pass a string or a bigint.`)
  throw new PublicError(400, 'SHARD_ID_INVALID', `The id is ${id === '' ? 'an empty string' : `of type ${typeof id}`}: pass a string that is not empty, a whole number or a bigint.`)
}
