/** Numbered pages of products, with the total. They are few and often requested, so they are cached. */
export default cachedEventHandler(event => listProductPages(event), {
  maxAge: 60 * 5,
  getKey: (event) => {
    const { page, limit } = getQuery(event)
    return `products-${page ?? 1}-${limit ?? 10}`
  },
  swr: true,
  staleMaxAge: 60 * 10,
  tags: ['products'],
})
