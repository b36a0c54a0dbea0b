interface Totals { users: number, posts: number, published: number, comments: number, orders: number, revenue: number }

/** What every shard holds, each in one query, all shards at once. */
export default defineEventHandler(async () => scatter(async (prisma, shard) => {
  const [totals] = await prisma.$queryRaw<Totals[]>`
    select (select count(*)::int from "User") as "users",
      (select count(*)::int from "Post") as "posts",
      (select count(*)::int from "Post" where "published") as "published",
      (select count(*)::int from "Comment") as "comments",
      (select count(*)::int from "Order") as "orders",
      (select coalesce(sum("total"), 0) from "Order") as "revenue"`
  return { shard, ...totals! }
}, { timeout: '2s' }))
