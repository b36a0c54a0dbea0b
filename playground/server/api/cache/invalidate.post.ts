export default defineEventHandler(async (event) => {
  const { way, value } = await readBody<{ way?: unknown, value?: unknown }>(event) ?? {}
  if (typeof value !== 'string' || value === '' || value.length > 500) {
    throw createError({ statusCode: 400, message: 'value must be a string of 1 to 500 characters.' })
  }
  switch (way) {
    case 'key':
      await invalidateCache(value)
      return { message: `The key ${value} is invalidated.` }
    case 'pattern':
      return { message: `The pattern ${value} has invalidated ${await invalidateCachePattern(value)} entries.` }
    case 'tag':
      await invalidateCacheTags(value)
      return { message: `All entries with the tag ${value} are invalidated.` }
    default:
      throw createError({ statusCode: 400, message: 'way must be key, pattern or tag.' })
  }
})
