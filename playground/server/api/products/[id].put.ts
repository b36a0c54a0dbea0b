export default defineEventHandler(async (event) => {
  const id = getRouterParam(event, 'id')!
  const { price } = await readBody<{ price?: unknown }>(event) ?? {}
  if (typeof price !== 'number' || !(price > 0 && price < 100_000)) {
    throw createError({ statusCode: 400, message: 'price must be a number above 0 and below 100000.' })
  }
  const product = await updateProduct(id, { price })
  if (!product) throw createError({ statusCode: 404, message: 'Product not found' })
  await invalidateCacheTags('products')
  return product
})
