const SENTENCE = 'A plain sentence about what this is good for, long enough to be true. '

/**
 * The object that most measures cache: about 1 kB as JSON, much of it text.
 * It is cheap to parse on purpose: a list of small objects takes several times as long, and would hide what a cache itself costs.
 */
export function product(id: number): object {
  return {
    id,
    name: `Product number ${id}`,
    description: SENTENCE.repeat(10),
    price: { amount: 1999 + id, currency: 'EUR' },
    tags: ['kitchen', 'steel', 'new'],
    inStock: id % 2 === 0,
    weight: 1250,
    maker: 'A company of some standing',
    updatedAt: '2026-01-01T12:00:00.000Z',
  }
}
