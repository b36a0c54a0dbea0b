export default defineEventHandler(async (event) => {
  const id = getRouterParam(event, 'id')!
  const user = await getShardForUser(id).user.findUnique({ where: { id }, include: { posts: true, orders: true } })
  if (!user) throw createError({ statusCode: 404, message: 'User not found' })
  return { ...user, shard: resolveShard({ userId: id }) }
})
