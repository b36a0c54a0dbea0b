import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileTopicPattern } from '../../src/runtime/server/rabbitmq/embedded/pattern'

/** The rules as they are written in the specification, word by word, with no thought of speed. */
function reference(pattern: readonly string[], words: readonly string[]): boolean {
  const [part, ...parts] = pattern
  if (part === undefined) return words.length === 0
  if (part === '#') return reference(parts, words) || (words.length > 0 && reference(pattern, words.slice(1)))
  return words.length > 0 && (part === '*' || part === words[0]) && reference(parts, words.slice(1))
}

const split = (text: string) => text === '' ? [] : text.split('.')
const text = (word: fc.Arbitrary<string>) => fc.array(word, { maxLength: 6 }).map(words => words.join('.'))

describe('patterns of topic exchanges', () => {
  it.each([
    ['order.created', 'order.created', true],
    ['order.created', 'order.created.eu', false],
    ['order.*', 'order.created', true],
    ['order.*', 'order', false],
    ['order.*', 'order.', true],
    ['*', '', false],
    ['#', '', true],
    ['#', 'a.b.c', true],
    ['order.#', 'order', true],
    ['order.#', 'orders', false],
    ['#.created', 'created', true],
    ['a.#.b', 'a.b', true],
    ['a.#.b', 'a.x.y.b', true],
    ['a.#.b', 'a.x.y', false],
    ['*.*', 'a', false],
    ['#.*', 'a', true],
    ['a*', 'ab', false],
    ['a.b', 'a+b', false],
  ])('%j takes %j: %s', (pattern, key, expected) => {
    expect(compileTopicPattern(pattern)(key)).toBe(expected)
  })

  it('match what the rules say', () => {
    const outcomes = new Set<boolean>()
    fc.assert(fc.property(text(fc.constantFrom('a', 'b', '', '*', '#')), text(fc.constantFrom('a', 'b', '')), (pattern, key) => {
      const expected = reference(split(pattern), split(key))
      outcomes.add(expected)
      return compileTopicPattern(pattern)(key) === expected
    }), { numRuns: 20_000 })
    expect(outcomes.size).toBe(2)
  })

  it('take no longer for a pattern made to be slow', () => {
    const words = Array.from({ length: 120 }, () => 'a')
    expect(compileTopicPattern([...Array.from({ length: 120 }, () => '#'), 'b'].join('.'))(words.join('.'))).toBe(false)
  })
})
