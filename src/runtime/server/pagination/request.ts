import { PublicError } from '../request/errors'
import type { PageBounds } from './options'

/** The page that a request asks for, within the limits of the list. */
export interface PageRequest {
  /** Page number, from 1. */
  page: number
  /** Number of rows of a page. */
  limit: number
  /** Number of rows before the page; 0 if there is a cursor. */
  skip: number
  /** The same as `limit`, with the name that Prisma uses. */
  take: number
  /** Cursor at which the page begins. `paginate` verifies its signature, because that depends on the sort order. */
  cursor?: string
}

/** Kinds of page parameters that a list accepts: cursors, page numbers, or both. */
export type PageMode = 'keyset' | 'offset' | 'either'

/** Longest cursor, in characters. */
export const LONGEST_CURSOR = 2048

/** Advice for a client that reached the last page number. */
const BEYOND: Record<PageMode, string> = {
  either: 'to continue, send a cursor (pageInfo.endCursor) instead of a page',
  keyset: 'to continue, send a cursor (pageInfo.endCursor) instead of a page',
  offset: 'to see other rows, narrow the search or reverse the sort order',
}

/**
 * Reads `page`, `limit` and `cursor` from the query of a path.
 *
 * Values out of range are rejected and never reduced silently: a client that asked for 500 rows and got 100 would think it had them all.
 *
 * @param path path of a request with its query
 * @throws HttpError 400 naming the parameter and its range
 */
export function parsePageRequest(path: string, { limit: usual, maxLimit, maxOffset }: PageBounds, mode: PageMode): PageRequest {
  const start = path.indexOf('?')
  const query = new URLSearchParams(start < 0 ? '' : path.slice(start + 1))
  const limit = wholeNumber(query, 'limit', maxLimit, usual, `write a whole number from 1 to ${maxLimit}`)
  const cursor = single(query, 'cursor')
  if (cursor !== undefined) {
    if (mode === 'offset') refuse('cursor', 'is not supported by this list: send a page')
    if (query.has('page')) refuse('cursor', 'cannot be combined with page: send one of them')
    if (cursor.length > LONGEST_CURSOR || !/^[\w-]+$/.test(cursor)) {
      refuse('cursor', 'is malformed: send a cursor from pageInfo of another page, or remove it')
    }
    return { page: 1, limit, skip: 0, take: limit, cursor }
  }
  if (mode === 'keyset' && query.has('page')) refuse('page', 'is not supported by this list: send a cursor (pageInfo.endCursor)')
  const lastPage = Math.floor(maxOffset / limit) + 1
  const advice = `write a whole number from 1 to ${lastPage} (with ${limit} rows per page); ${BEYOND[mode]}`
  const page = wholeNumber(query, 'page', lastPage, 1, advice)
  return { page, limit, skip: (page - 1) * limit, take: limit }
}

function wholeNumber(query: URLSearchParams, name: string, most: number, usual: number, advice: string): number {
  const text = single(query, name)
  if (text === undefined) return usual
  const number = /^[1-9]\d{0,14}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > most) refuse(name, `is out of range: ${advice}`)
  return number
}

function single(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name)
  if (values.length > 1) refuse(name, 'appears more than once: send it once')
  return values[0]
}

function refuse(name: string, complaint: string): never {
  throw new PublicError(400, 'PAGINATION_INVALID', `The query parameter ${name} ${complaint}.`)
}
