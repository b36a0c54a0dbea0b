/** The newest products. Cursor pages do not skip or repeat products if others are added or removed meanwhile. */
export default defineEventHandler(event => listNewestProducts(event))
