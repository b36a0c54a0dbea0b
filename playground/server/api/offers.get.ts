export default defineEventHandler(async (event) => {
  const { category = 'garden' } = getQuery(event)
  const products = await listProductsOf(String(category))
  return products.sort((left, right) => left.price - right.price).slice(0, 3)
})
