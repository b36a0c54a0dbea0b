export default cachedEventHandler((event) => {
  const { page, limit } = getQuery(event)
  return listProducts(readNumber(page, 'page', 1, 1000), readNumber(limit, 'limit', 10, 50))
}, {
  maxAge: 60 * 5,
  getKey: (event) => {
    const { page, limit } = getQuery(event)
    return `products-${page ?? 1}-${limit ?? 10}`
  },
  swr: true,
  staleMaxAge: 60 * 10,
  tags: ['products'],
})
