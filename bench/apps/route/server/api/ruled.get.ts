/** Cached by a route rule. */
export default defineEventHandler(() => listProducts())
