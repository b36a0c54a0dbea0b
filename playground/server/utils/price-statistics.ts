import type { H3Event } from 'h3'

interface PriceStatistics { count: number, lowest: number, highest: number, average: number }

/** Price statistics of all products of the tenant, from one query. Cached for a minute. */
export const priceStatistics = defineCachedFunction(async (_event: H3Event) => {
  const prisma = await getTenantPrismaClient(useTenant().id)
  const [statistics] = await prisma.$queryRaw<PriceStatistics[]>`
    select count(*)::int as "count", min("price") as "lowest", max("price") as "highest", round(avg("price")::numeric, 2)::float as "average" from "Product"`
  return statistics!
}, {
  name: 'priceStatistics',
  maxAge: 60,
  tags: ['products'],
  getKey: () => 'all',
  onSource: (source, event) => setCacheStatus(event, source),
})
