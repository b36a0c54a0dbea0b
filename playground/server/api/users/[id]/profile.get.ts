/** A user from the cache. The message `user.updated` invalidates the entry. */
export default defineEventHandler(async (event) => {
  const id = getRouterParam(event, 'id')!
  const user = await cacheWithRedis(`user:${id}`, () => getShardForUser(id).user.findUnique({ where: { id } }), 600)
  if (!user) throw createError({ statusCode: 404, message: 'User not found' })
  return user
})
