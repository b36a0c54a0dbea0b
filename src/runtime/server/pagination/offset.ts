import type { PageRequest } from './request'
import type { OffsetPage, PageQuery, PageTotals } from './types'

/** Counts the rows. Prisma returns a number, but a count from SQL may be a bigint or a string. */
export async function readTotals(query: PageQuery, where: object | undefined, limit: number): Promise<PageTotals> {
  if (!query.count) {
    throw new TypeError(
      'paginate() needs count() for totals, but the query has only findMany(): add count(), or use the keyset mode without total.',
    )
  }
  const total = Number(await query.count({ ...where && { where } }))
  return { limit, total, totalPages: Math.ceil(total / limit) }
}

/** Reads a page by its number and counts all rows at the same time. */
export async function readOffsetPage(
  query: PageQuery, args: { where?: object }, orderBy: readonly object[], { page, limit, skip, take }: PageRequest,
): Promise<OffsetPage<unknown>> {
  const [totals, items] = await Promise.all([
    readTotals(query, args.where, limit),
    query.findMany({ ...args, orderBy, skip, take }),
  ])
  return { items: [...items], pagination: { page, ...totals } }
}
