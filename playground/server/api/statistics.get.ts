export default defineEventHandler(event => priceStatistics(event))
