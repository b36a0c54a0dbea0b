/** The newest products. Whoever pages on loses and doubles none, whatever comes and goes meanwhile. */
export default defineEventHandler(event => listNewestProducts(event))
