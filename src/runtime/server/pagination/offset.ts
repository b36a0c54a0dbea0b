import type { PageRequest } from './request'
import type { OffsetPage, PageQuery, PageTotals } from './types'

/** Counts the rows. Prisma gives a number; a count of SQL may be a big integer or a text. */
export async function readTotals(query: PageQuery, where: object | undefined, limit: number): Promise<PageTotals> {
  if (!query.count) throw new TypeError('paginate() needs a count() beside findMany() for totals: give the query one, or use the keyset mode without total.')
  const total = Number(await query.count({ ...where && { where } }))
  return { limit, total, totalPages: Math.ceil(total / limit) }
}

/** Reads a page by its number, and how many rows there are, at the same time. */
export async function readOffsetPage(query: PageQuery, args: { where?: object }, orderBy: readonly object[], { page, limit, skip, take }: PageRequest): Promise<OffsetPage<unknown>> {
  const [totals, items] = await Promise.all([
    readTotals(query, args.where, limit),
    query.findMany({ ...args, orderBy, skip, take }),
  ])
  return { items: [...items], pagination: { page, ...totals } }
}
