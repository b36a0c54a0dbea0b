import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { matchesGlob } from '../../src/runtime/server/cache/glob'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => {
  await redis?.stop()
})

it('L1 matches patterns as Redis does', async () => {
  const client = redis.client()
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-', ']', '[', '^', '\\', '*', '?'), minLength: 1, maxLength: 6 })
  const keys = [...new Set(fc.sample(text, { numRuns: 400, seed: 7 }))]
  await client.mset(Object.fromEntries(keys.map(key => [key, '1'])))
  await fc.assert(fc.asyncProperty(text, async (pattern) => {
    const found = new Set(await client.keys(pattern))
    expect(keys.filter(key => matchesGlob(pattern, key)).sort()).toEqual([...found].sort())
  }), { numRuns: 3000, seed: 11 })
})
