export default defineEventHandler(async (event) => {
  const id = getRouterParam(event, 'id')!
  const { name } = await readBody<{ name?: unknown }>(event) ?? {}
  if (typeof name !== 'string' || name.trim() === '' || name.length > 60) {
    throw createError({ statusCode: 400, message: 'name must be a string of 1 to 60 characters.' })
  }
  const category = await updateCategory(id, { name })
  if (!category) throw createError({ statusCode: 404, message: 'Category not found' })
  await invalidateCache([`category:${id}`, 'categories:list'])
  return category
})
