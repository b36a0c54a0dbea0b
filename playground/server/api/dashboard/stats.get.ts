interface Totals { users: number, posts: number, published: number, comments: number, orders: number, revenue: number, newUsers: number, newPosts: number, newComments: number }

/** Totals of every shard, and additions of the last seven days. Each shard runs one query, all at the same time. */
export default defineEventHandler(async () => scatter(async (prisma, shard) => {
  const [totals] = await prisma.$queryRaw<Totals[]>`
    select (select count(*)::int from "User") as "users",
      (select count(*)::int from "Post") as "posts",
      (select count(*)::int from "Post" where "published") as "published",
      (select count(*)::int from "Comment") as "comments",
      (select count(*)::int from "Order") as "orders",
      (select coalesce(sum("total"), 0) from "Order") as "revenue",
      (select count(*)::int from "User" where "createdAt" > (now() at time zone 'utc') - interval '7 days') as "newUsers",
      (select count(*)::int from "Post" where "createdAt" > (now() at time zone 'utc') - interval '7 days') as "newPosts",
      (select count(*)::int from "Comment" where "createdAt" > (now() at time zone 'utc') - interval '7 days') as "newComments"`
  return { shard, ...totals! }
}, { timeout: '2s' }))
