import { product } from '../support/product.ts'
import { createCacheEngine, resolveCacheSettings } from '../support/engine.ts'
import type { Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const KEYS = 1_000_000
const BOUND = 64 * 1024 * 1024
const MEGABYTE = 1024 * 1024

/** A million distinct keys through an L1 of 64 MB. */
export const measure: Measure = {
  title: 'Memory of L1 under 1,000,000 distinct keys, maxBytes 64mb',
  rounds: 1,
  async run({ progress, defer }) {
    const log = { warn: () => {}, error: () => {} }
    const engine = createCacheEngine({ settings: resolveCacheSettings({ l1: { maxEntries: 1_000_000, maxBytes: BOUND } }), log })
    defer(engine.close)
    const before = await heapAfterCollection()
    for (let id = 0; id < KEYS; id++) {
      if (id % 100_000 === 0) progress(`${id.toLocaleString('en')} keys`)
      await engine.get(`product:${id}`, () => product(id), 600)
    }
    const estimated = engine.memory.bytes
    const grown = await heapAfterCollection() - before
    return {
      figures: [
        { name: 'estimated', value: estimated / MEGABYTE, unit: 'MB' },
        { name: 'growth of the heap', value: grown / MEGABYTE, unit: 'MB' },
        { name: 'entries held', value: engine.memory.entries, unit: '' },
      ],
      checks: [
        check('estimated / bound', estimated / BOUND, 'at most', 1),
        check('growth of the heap / bound', grown / BOUND, 'at most', 1),
      ],
      notes: ['Values of about 1 kB as JSON. maxEntries is a million here, so that the bytes are the bound.'],
    }
  },
}

/** Bytes that stay after garbage collection. */
async function heapAfterCollection(): Promise<number> {
  if (!globalThis.gc) throw new Error('The memory measure needs node --expose-gc.')
  for (let times = 0; times < 4; times++) {
    globalThis.gc()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
