import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { matchesGlob } from '../../src/runtime/server/cache/glob'
import { startCacheProcess, startEmbeddedCache } from '../support/cache'
import { startRedis } from '../support/redis'
import type { RedisServer } from '../support/redis'
import { waitFor } from '../support/wait'

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => {
  await redis?.stop()
})

beforeEach(async () => {
  await redis.client().flushall()
})

describe('a pattern counts characters of the key as its caller wrote it', () => {
  const units = ['a', 'b', 'é', 'я', 'ж', '😀', '🚀', '-', ']', '[', '^', '\\', '*', '?', '%', ' ', '{', '|', '\uD800']
  const unit = fc.constantFrom(...units)
  const key = fc.string({ unit, minLength: 1, maxLength: 4 })

  /** One part of a pattern, as it is written, and which code points it takes; `many` takes any number of any. */
  type Part = { text: string, many: true } | { text: string, many: false, takes: (character: string) => boolean }
  const escaped = (character: string) => /[\\*?[\]^-]/.test(character) ? `\\${character}` : character
  const between = (character: string, from: string, to: string) => {
    const [code, low, high] = [character, ...[from, to].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!)].map(text => text.codePointAt(0)!)
    return code! >= low! && code! <= high!
  }
  const rangeEnd = fc.constantFrom('a', 'b', 'é', 'я', 'ж', '😀', '🚀', ' ', '%')
  const member = fc.oneof(
    unit.map(character => ({ text: escaped(character), takes: (other: string) => other === character })),
    fc.tuple(rangeEnd, rangeEnd).map(([from, to]) => ({ text: `${from}-${to}`, takes: (other: string) => between(other, from, to) })),
  )
  const part: fc.Arbitrary<Part> = fc.oneof(
    { weight: 3, arbitrary: unit.map((character): Part => ({ text: escaped(character), many: false, takes: other => other === character })) },
    fc.constant<Part>({ text: '*', many: true }),
    fc.constant<Part>({ text: '?', many: false, takes: () => true }),
    fc.tuple(fc.boolean(), fc.array(member, { minLength: 1, maxLength: 3 })).map(([negated, members]): Part => ({
      text: `[${negated ? '^' : ''}${members.map(({ text }) => text).join('')}]`,
      many: false,
      takes: other => members.some(({ takes }) => takes(other)) !== negated,
    })),
  )

  function matches([part, ...parts]: Part[], characters: string[]): boolean {
    if (part === undefined) return characters.length === 0
    if (part.many) return characters.some((_, index) => matches(parts, characters.slice(index))) || matches(parts, [])
    return characters.length > 0 && part.takes(characters[0]!) && matches(parts, characters.slice(1))
  }

  it('in L1 and in Redis', async () => {
    const { engine, close } = await startCacheProcess({ redis: { url: redis.url } })
    const embedded = startEmbeddedCache()
    const keys = [...new Set([...units, ...fc.sample(key, { numRuns: 150, seed: 7 })])]
    for (const key of keys) {
      await engine.set(key, 1)
      await embedded.set(key, 1)
    }
    await fc.assert(fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 5 }), async (parts) => {
      const pattern = parts.map(({ text }) => text).join('')
      const expected = keys.filter(key => matches(parts, [...key])).sort()
      expect((await embedded.keys(pattern)).sort()).toEqual(expected)
      expect((await engine.keys(pattern)).sort()).toEqual(expected)
    }), { numRuns: 500, seed: 11 })
    await close()
  })

  it.each([
    ['u:?', ['u:😀', 'u:é', 'u:a'], ['u:', 'u:ab', 'u:😀😀']],
    ['u:[é]', ['u:é'], ['u:e', 'u:a']],
    ['u:[а-я]*', ['u:а', 'u:яблоко'], ['u:Я', 'u:z']],
    ['u:[^а-я]', ['u:Я', 'u:😀'], ['u:я']],
    ['😀*', ['😀', '😀x', `😀${'ж'.repeat(300)}`], ['🚀']],
  ])('%s deletes what it says in every process', async (pattern, matching, others) => {
    const processes = [await startCacheProcess({ redis: { url: redis.url } }), await startCacheProcess({ redis: { url: redis.url } })]
    for (const { engine } of processes) {
      for (const key of [...matching, ...others]) await engine.get(key, () => 'old')
    }
    expect(await processes[0]!.engine.invalidatePattern(pattern)).toBe(matching.length)
    for (const key of matching) await waitFor(async () => await processes[1]!.engine.get(key, () => 'new') === 'new')
    for (const key of others) expect(await processes[1]!.engine.get(key, () => 'new')).toBe('old')
    for (const { close } of processes) await close()
  })

  it('and a long key is found by every scope as well', async () => {
    const { engine, close } = await startCacheProcess({ redis: { url: redis.url } })
    const long = `*é${'ж'.repeat(300)}`
    await engine.set(long, 1)
    await engine.set(`${long}.`, 2)
    await engine.invalidate(long, { scope: '*' })
    expect(await engine.peek(long)).toBeUndefined()
    expect(await engine.peek(`${long}.`)).toBe(2)
    await close()
  })
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
