import { currentScope } from '../request/call-context'
import { signingKey } from '../core/signing-keys'
import type { PaginationOptions } from './options'
import { resolveBounds } from './options'
import { paginateWith } from './paginate'
import type { PageRequest } from './request'
import { parsePageRequest } from './request'
import type { KnownShape, PageEvent, PageOf, PageOptions, PageQuery, PageShape, PaginateOptions } from './types'

/**
 * Returns the page that a request asks for by `page`, `limit` and `cursor` in its query. Use it for lists that you read yourself.
 *
 * @param event the request
 * @param options limits of the list
 * @throws HttpError 400 for values out of range
 * @example
 * ```ts
 * const { page, limit, skip, take } = getPagination(event, { limit: 10, maxLimit: 50 })
 * ```
 */
export function getPagination(event: PageEvent, options: PaginationOptions = {}): PageRequest {
  return parsePageRequest(event.path, resolveBounds(options, 'getPagination()'), 'either')
}

/**
 * Reads the page of a list that a request asks for.
 *
 * It uses cursors, which are valid only for the same sort order and tenant, or page numbers with `mode: 'offset'`.
 *
 * @param event the request
 * @param query a Prisma delegate, or an object that accepts the same arguments
 * @param options arguments of `findMany`, limits of the list, `mode`, `key`, `name` and `total`
 * @throws HttpError 400 for invalid query parameters or cursors
 * @throws TypeError for invalid options
 * @example
 * ```ts
 * const { items, pageInfo } = await paginate(event, usePrisma().product, { orderBy: { createdAt: 'desc' }, limit: 20 })
 * ```
 */
export async function paginate<
  Query extends PageQuery,
  const Select = undefined,
  const Include = undefined,
  const Omitted = undefined,
  const Mode = undefined,
  const Total = undefined,
>(
  event: PageEvent,
  query: Query,
  options?: PaginateOptions<Query> & PageShape<Select, Include, Omitted, Mode, Total> & KnownShape<Query, Select, Include, Omitted>,
): Promise<PageOf<Query, { select: Select, include: Include, omit: Omitted, mode: Mode, total: Total }>> {
  const context = { key: () => signingKey('cursor'), scope: currentScope }
  return await paginateWith(context, event, query, { ...options } as PageOptions) as never
}
