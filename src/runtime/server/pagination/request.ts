import { PublicError } from '../request/errors'
import type { PageBounds } from './options'

/** Which page a request asks for, within the bounds of the list. */
export interface PageRequest {
  /** Counted from 1. */
  page: number
  /** Rows of a page. */
  limit: number
  /** Rows before the page; 0 when there is a cursor. */
  skip: number
  /** The same as `limit`, by the name that Prisma gives it. */
  take: number
  /** Where to go on. Its signature is checked by `paginate`, which knows the sort. */
  cursor?: string
}

/** How the list lets itself be walked. */
export type PageMode = 'keyset' | 'offset' | 'either'

/** Longer cursors are neither made nor read. */
export const LONGEST_CURSOR = 2048

/** How far a page number reaches, and where to turn then. */
const BEYOND: Record<PageMode, string> = {
  either: 'to go further, pass on a cursor (pageInfo.endCursor) instead of a page',
  keyset: 'to go further, pass on a cursor (pageInfo.endCursor) instead of a page',
  offset: 'to see other rows, narrow the search or sort it the other way round',
}

/**
 * Reads `page`, `limit` and `cursor` from the query of a path. Nothing is clamped in silence: who asks for 500 rows and gets 100 takes them for all.
 *
 * @param path path of a request with its query
 * @throws HttpError 400 naming the parameter and its bounds
 */
export function parsePageRequest(path: string, { limit: usual, maxLimit, maxOffset }: PageBounds, mode: PageMode): PageRequest {
  const start = path.indexOf('?')
  const query = new URLSearchParams(start < 0 ? '' : path.slice(start + 1))
  const limit = wholeNumber(query, 'limit', maxLimit, usual, `write a whole number from 1 to ${maxLimit}`)
  const cursor = single(query, 'cursor')
  if (cursor !== undefined) {
    if (mode === 'offset') refuse('cursor', 'is not taken by this list: pass a page')
    if (query.has('page')) refuse('cursor', 'does not go with page: pass one of them')
    if (cursor.length > LONGEST_CURSOR || !/^[\w-]+$/.test(cursor)) refuse('cursor', 'is malformed: pass on what pageInfo of the page before holds, or leave it out')
    return { page: 1, limit, skip: 0, take: limit, cursor }
  }
  if (mode === 'keyset' && query.has('page')) refuse('page', 'is not taken by this list: pass on a cursor (pageInfo.endCursor)')
  const lastPage = Math.floor(maxOffset / limit) + 1
  const page = wholeNumber(query, 'page', lastPage, 1, `write a whole number from 1 to ${lastPage} (with ${limit} rows a page); ${BEYOND[mode]}`)
  return { page, limit, skip: (page - 1) * limit, take: limit }
}

function wholeNumber(query: URLSearchParams, name: string, most: number, usual: number, advice: string): number {
  const text = single(query, name)
  if (text === undefined) return usual
  const number = /^[1-9]\d{0,14}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > most) refuse(name, `is out of bounds: ${advice}`)
  return number
}

function single(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name)
  if (values.length > 1) refuse(name, 'is there more than once: pass it once')
  return values[0]
}

function refuse(name: string, complaint: string): never {
  throw new PublicError(400, 'PAGINATION_INVALID', `The query parameter ${name} ${complaint}.`)
}
