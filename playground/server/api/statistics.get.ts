export default defineEventHandler(async (event) => {
  const before = queryCount()
  const statistics = await priceStatistics()
  setResponseHeader(event, 'x-nuxt-scale-cache', queryCount() === before ? 'l1' : 'loader')
  return statistics
})
