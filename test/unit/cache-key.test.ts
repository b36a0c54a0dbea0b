import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeEntry, encodeEntry } from '../../src/runtime/server/cache/entry'
import { decodeKey, encodeKey, LONGEST_KEY, scopedKey } from '../../src/runtime/server/cache/key'

const key = fc.string({ unit: fc.oneof(fc.constantFrom('a', '%', '|', '{', '}', ' ', '7', 'C', '~', 'u', '\uD800'), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })), minLength: 1, maxLength: 12 })
const scope = fc.oneof(fc.constant(''), key)

it('keys of different scopes or spellings never meet', () => {
  fc.assert(fc.property(scope, key, scope, key, (scopeA, a, scopeB, b) => {
    fc.pre(scopeA !== scopeB || a !== b)
    expect(scopedKey(scopeA, encodeKey(a))).not.toBe(scopedKey(scopeB, encodeKey(b)))
  }), { numRuns: 5000 })
})

it('a stored key is plain, never breaks the hash tag, and can be read back', () => {
  fc.assert(fc.property(scope, key, (scope, key) => {
    const stored = scopedKey(scope, encodeKey(key))
    expect(stored).toMatch(/^[!-~]+$/)
    expect(stored).not.toMatch(/[{}]/)
    expect(decodeKey(stored)).toBe(key)
  }), { numRuns: 5000 })
})

it('long keys stay bounded and apart', () => {
  const long = 'x'.repeat(10_000)
  expect(encodeKey(`${long}a`).length).toBeLessThanOrEqual(LONGEST_KEY)
  expect(encodeKey(`${long}a`)).not.toBe(encodeKey(`${long}b`))
})

it('an entry comes back as it was written, and damage is never an exception', () => {
  const header = { codec: 'j', expires: 1_763_859_999_123, horizon: 1_763_863_599_123, writeId: 'k3v9x0aa00000012', cost: 204, term: '8c1f0a2b', tags: ['a', 'b%20c'], versions: ['1763859990000000', '7'] }
  const bytes = Buffer.from(encodeEntry(header, '{"id":1}'))
  const entry = decodeEntry(bytes)!
  expect(entry).toMatchObject(header)
  expect(bytes.toString('utf8', entry.payloadStart)).toBe('{"id":1}')
  for (let length = 0; length < bytes.length; length++) decodeEntry(bytes.subarray(0, length))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (damage) => {
    decodeEntry(Buffer.from(damage))
  }))
})
