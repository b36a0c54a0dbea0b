/** Changes the name of a user, and publishes a message for services that store a copy. */
export default defineEventHandler(async (event) => {
  const id = getRouterParam(event, 'id')!
  const { name } = await readBody<{ name?: unknown }>(event) ?? {}
  if (typeof name !== 'string' || name.trim() === '' || name.length > 60) throw createError({ statusCode: 400, message: 'name must be a string of 1 to 60 characters.' })
  const [user] = await getShardForUser(id).user.updateManyAndReturn({ where: { id }, data: { name } })
  if (!user) throw createError({ statusCode: 404, message: 'User not found' })
  await useRabbit().publish('users', 'user.updated', { userId: id })
  return user
})
