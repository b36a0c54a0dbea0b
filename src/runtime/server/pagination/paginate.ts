import { modelName } from './columns'
import { createCursors } from './cursor'
import { readKeysetPage } from './keyset'
import { readOffsetPage, readTotals } from './offset'
import { resolveBounds } from './options'
import { parseOrder, withKey } from './order'
import { parsePageRequest } from './request'
import type { KeysetPage, OffsetPage, PageEvent, PageOptions, PageQuery, PageTotals } from './types'

/** Dependencies of {@link paginateWith}. */
export interface PaginateContext {
  /** Returns the key that signs cursors. It is called only for lists with cursors. */
  key: () => Buffer
  /** Returns the tenant of the current call, or ''. */
  scope: () => string
}

/** The options, with those arguments of `findMany` that are used here. All others go to `findMany` unchanged. */
type Options = PageOptions & { where?: object, orderBy?: unknown, select?: unknown, omit?: unknown }

type Page = OffsetPage<unknown> | (KeysetPage<unknown> & { pagination?: PageTotals })

const OWN = ['take', 'skip', 'cursor', 'distinct']

/**
 * Reads the page of a list that the request asks for.
 *
 * @throws HttpError 400 for invalid query parameters or cursors
 * @throws TypeError for invalid options
 */
export async function paginateWith(
  { key: signingKey, scope }: PaginateContext, event: PageEvent, query: PageQuery, options: Options,
): Promise<Page> {
  const { limit, maxLimit, maxOffset, mode = 'keyset', key = 'id', name = modelName(query), total = false, orderBy, ...args } = options
  const refused = OWN.find(option => (args as Record<string, unknown>)[option] !== undefined)
  if (refused) {
    const reason = refused === 'distinct' ? 'Prisma would apply it after cutting the page' : 'the request determines it'
    throw new TypeError(`paginate() does not support the argument ${refused}, because ${reason}: remove it.`)
  }
  if (mode !== 'keyset' && mode !== 'offset') {
    throw new TypeError(`mode of paginate() is ${JSON.stringify(mode)}: write 'keyset' or 'offset'.`)
  }
  const keys = [key].flat()
  if (keys.length === 0) throw new TypeError('key of paginate() is empty: write a unique column, or columns that are unique together.')

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
