/** Numbers over all products; slow to make, so kept for a minute. */
export const priceStatistics = defineCachedFunction(async () => {
  const { products } = await listProducts(1, 1000)
  const prices = products.map(product => product.price)
  return { count: prices.length, lowest: Math.min(...prices), highest: Math.max(...prices) }
}, { name: 'priceStatistics', maxAge: 60, tags: ['products'] })
