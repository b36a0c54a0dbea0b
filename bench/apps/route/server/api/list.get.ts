/** About 5 kB of JSON. */
export default cachedEventHandler(() => Array.from({ length: 50 }, (_, id) => ({
  id,
  name: `Product number ${id}`,
  price: 1999 + id,
  text: 'A plain sentence about it.',
})), { maxAge: 600 })
