export default defineEventHandler(async (event) => {
  const { way, value } = await readBody<{ way?: unknown, value?: unknown }>(event) ?? {}
  if (typeof value !== 'string' || value === '' || value.length > 500) {
    throw createError({ statusCode: 400, message: 'value must be a text of 1 to 500 characters.' })
  }
  switch (way) {
    case 'key':
      await invalidateCache(value)
      return { message: `The key ${value} is gone.` }
    case 'pattern':
      return { message: `${await invalidateCachePattern(value)} entries matched ${value}.` }
    case 'tag':
      await invalidateCacheTags(value)
      return { message: `Whatever names the tag ${value} will be loaded again.` }
    default:
      throw createError({ statusCode: 400, message: 'way must be key, pattern or tag.' })
  }
})
