export default defineEventHandler((event) => {
  const id = getRouterParam(event, 'id')!
  return cacheWithRedis(`category:${id}`, async () => {
    const category = await findCategory(id)
    if (!category) throw createError({ statusCode: 404, message: 'Category not found' })
    return { ...category, products: await listProductsOf(id) }
  }, {
    ttl: 600,
    serializer: 'devalue',
    tags: ['categories', 'products'],
    onSource: source => setCacheStatus(event, source),
  })
})
