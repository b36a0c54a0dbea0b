/** The orders of a user, the newest first, from the shard of the user. */
export default defineEventHandler((event) => {
  const userId = getRouterParam(event, 'id')!
  return paginate(event, getShardForUser(userId).order, { where: { userId }, orderBy: { createdAt: 'desc' }, limit: 5, maxLimit: 50, total: true })
})
