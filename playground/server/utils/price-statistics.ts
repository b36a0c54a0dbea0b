import type { H3Event } from 'h3'

/** Numbers over all products; slow to make, so kept for a minute. */
export const priceStatistics = defineCachedFunction(async (_event: H3Event) => {
  const { products } = await listProducts(1, 1000)
  const prices = products.map(product => product.price)
  return { count: prices.length, lowest: Math.min(...prices), highest: Math.max(...prices) }
}, {
  name: 'priceStatistics',
  maxAge: 60,
  tags: ['products'],
  getKey: () => 'all',
  onSource: (source, event) => setResponseHeader(event, 'x-nuxt-scale-cache', source),
})
