import { nameOf } from './columns'
import { createCursors } from './cursor'
import { readKeysetPage } from './keyset'
import { readOffsetPage, readTotals } from './offset'
import { resolveBounds } from './options'
import { parseOrder, withKey } from './order'
import { parsePageRequest } from './request'
import type { KeysetPage, OffsetPage, PageEvent, PageOptions, PageQuery, PageTotals } from './types'

/** What pages need besides the request. */
export interface PaginateContext {
  /** Signs cursors. Only asked for by lists that have any. */
  key: () => Buffer
  /** The tenant of the current call, or ''. */
  scope: () => string
}

/** The options with the arguments of `findMany` that matter here; the others go on as they are. */
type Options = PageOptions & { where?: object, orderBy?: unknown, select?: unknown, omit?: unknown }

type Page = OffsetPage<unknown> | (KeysetPage<unknown> & { pagination?: PageTotals })

const OWN = ['take', 'skip', 'cursor', 'distinct']

/**
 * Reads the page of a list that a request asks for.
 *
 * @throws HttpError 400 for parameters or cursors that this list does not take
 * @throws TypeError for options that make no sense
 */
export async function paginateWith({ key: signingKey, scope }: PaginateContext, event: PageEvent, query: PageQuery, options: Options): Promise<Page> {
  const { limit, maxLimit, maxOffset, mode = 'keyset', key = 'id', name = nameOf(query), total = false, orderBy, ...args } = options
  const refused = OWN.find(option => (args as Record<string, unknown>)[option] !== undefined)
  if (refused) throw new TypeError(`paginate() takes no ${refused}: ${refused === 'distinct' ? 'it would be applied after the page is cut' : 'it follows from the request'}.`)
  if (mode !== 'keyset' && mode !== 'offset') throw new TypeError(`mode of paginate() is ${JSON.stringify(mode)}: write 'keyset' or 'offset'.`)
  const keys = [key].flat()
  if (keys.length === 0) throw new TypeError('key of paginate() is empty: name a unique column, or columns that are unique together.')

  const request = parsePageRequest(event.path, resolveBounds({ limit, maxLimit, maxOffset }, 'paginate()'), mode)
  if (mode === 'offset') return readOffsetPage(query, args, withKey(orderBy, keys), request)
  const columns = parseOrder(orderBy, keys)
  const cursors = createCursors({ key: signingKey(), scope: scope(), name, columns })
  const [page, pagination] = await Promise.all([
    readKeysetPage({ query, args, columns, request, cursors }),
    total ? readTotals(query, args.where, request.limit) : undefined,
  ])
  return pagination ? { ...page, pagination } : page
}
