/** The object that most measures cache: about 1 kB as JSON. */
export function product(id: number): object {
  return {
    id,
    name: `Product number ${id}`,
    description: 'A plain sentence about what this is good for, long enough to be true. '.repeat(3),
    price: { amount: 1999 + id, currency: 'EUR' },
    tags: ['kitchen', 'steel', 'new'],
    inStock: id % 2 === 0,
    variants: Array.from({ length: 12 }, (_, index) => ({ sku: `sku-${id}-${index}`, color: 'blue', stock: index * 3 })),
  }
}
