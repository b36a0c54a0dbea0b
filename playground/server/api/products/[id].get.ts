export default defineCachedEventHandler(async (event) => {
  const product = await findProduct(getRouterParam(event, 'id')!)
  if (!product) throw createError({ statusCode: 404, message: 'Product not found' })
  setCacheTags(event, [`product:${product.id}`, 'products'])
  return product
}, { maxAge: 600 })
