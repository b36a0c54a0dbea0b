import { currentScope } from '../request/scope'
import { signingKey } from '../core/signing-keys'
import type { PaginationOptions } from './options'
import { resolveBounds } from './options'
import { paginateWith } from './paginate'
import type { PageRequest } from './request'
import { parsePageRequest } from './request'
import type { KnownShape, PageEvent, PageOf, PageOptions, PageQuery, PageShape, PaginateOptions } from './types'

/**
 * The page that a request asks for by `page`, `limit` and `cursor` in its query, for lists that you read yourself.
 *
 * @param event the request
 * @param options bounds
 * @throws HttpError 400 for anything out of bounds
 * @example
 * ```ts
 * const { page, limit, skip, take } = getPagination(event, { limit: 10, maxLimit: 50 })
 * ```
 */
export function getPagination(event: PageEvent, options: PaginationOptions = {}): PageRequest {
  return parsePageRequest(event.path, resolveBounds(options, 'getPagination()'), 'either')
}

/**
 * The page of a list that a request asks for. By cursors, which hold for this sort and tenant only, or by page numbers (`mode: 'offset'`).
 *
 * @param event the request
 * @param query a Prisma delegate, or anything that takes the same arguments
 * @param options those of `findMany`, and bounds, `mode`, `key`
 * @throws HttpError 400 for parameters or cursors that this list does not take
 * @example
 * ```ts
 * const { items, pageInfo } = await paginate(event, usePrisma().product, { orderBy: { createdAt: 'desc' }, limit: 20 })
 * ```
 */
export async function paginate<Query extends PageQuery, const Select = undefined, const Include = undefined, const Omitted = undefined, const Mode = undefined, const Total = undefined>(
  event: PageEvent,
  query: Query,
  options?: PaginateOptions<Query> & PageShape<Select, Include, Omitted, Mode, Total> & KnownShape<Query, Select, Include, Omitted>,
): Promise<PageOf<Query, { select: Select, include: Include, omit: Omitted, mode: Mode, total: Total }>> {
  return await paginateWith({ key: () => signingKey('cursor'), scope: currentScope }, event, query, { ...options } as PageOptions) as never
}
