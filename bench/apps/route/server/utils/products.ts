/** A list of products: about 5 kB as JSON. */
export function listProducts() {
  return {
    total: 40,
    items: Array.from({ length: 40 }, (_, index) => ({
      id: index,
      name: `Product number ${index}`,
      price: { amount: 1999 + index, currency: 'EUR' },
      description: 'Good for this and good for that.',
    })),
  }
}
