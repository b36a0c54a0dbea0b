import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { L1 } from '../../src/runtime/server/cache/l1'
import type { L1Entry } from '../../src/runtime/server/cache/l1'

const KEYS = ['a', 'b', 'key:3', 'key:4', 'a longer key:5', 'f']
const TAGS = ['red', 'green', 'blue']
const VERSIONS = ['1', '2']

function entryOf(tags: readonly string[] = [], versions: readonly string[] = tags.map(() => '1')): L1Entry {
  return { value: tags, promise: Promise.resolve(tags), epoch: 0, freshUntil: 1, heldUntil: 1, expires: 1, horizon: 1, cost: 1, writeId: '', codec: 'j', tags, versions, plainKey: true, refreshAfter: 0 }
}

/** What one entry alone is counted as. */
function bytesOf(key: string, payloadBytes: number): number {
  const l1 = new L1({ maxEntries: 1, maxBytes: Number.MAX_SAFE_INTEGER })
  l1.set(key, entryOf(), payloadBytes)
  return l1.bytes
}

/** The same cache as one Map, least recently used first, that finds tags by looking at every entry. */
class Model {
  readonly entries = new Map<string, { entry: L1Entry, bytes: number }>()
  readonly #limits: { maxEntries: number, maxBytes: number }

  constructor(limits: { maxEntries: number, maxBytes: number }) {
    this.#limits = limits
  }

  get bytes(): number {
    return [...this.entries.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get(key: string): L1Entry | undefined {
    const held = this.entries.get(key)
    if (held === undefined) return undefined
    this.entries.delete(key)
    this.entries.set(key, held)
    return held.entry
  }

  set(key: string, entry: L1Entry, bytes: number): void {
    this.entries.delete(key)
    if (bytes > this.#limits.maxBytes) return
    this.entries.set(key, { entry, bytes })
    while (this.entries.size > this.#limits.maxEntries || this.bytes > this.#limits.maxBytes) this.entries.delete(this.entries.keys().next().value!)
  }

  deleteTag(tag: string, version?: string): void {
    for (const [key, { entry }] of this.entries) {
      const at = entry.tags.indexOf(tag)
      if (at >= 0 && entry.versions[at] !== version) this.entries.delete(key)
    }
  }

  deleteTags(test: (tag: string) => boolean): void {
    for (const [key, { entry }] of this.entries) {
      if (entry.tags.some(test)) this.entries.delete(key)
    }
  }

  deleteMatching(test: (key: string) => boolean): number {
    return [...this.entries.keys()].filter(key => test(key) && this.entries.delete(key)).length
  }
}

const key = fc.constantFrom(...KEYS)
const operation = fc.oneof(
  { weight: 9, arbitrary: fc.record({ do: fc.constant('set' as const), key, tags: fc.subarray(TAGS), versions: fc.tuple(...TAGS.map(() => fc.constantFrom(...VERSIONS))), payload: fc.integer({ min: 0, max: 700 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('deleteTag' as const), tag: fc.constantFrom(...TAGS), version: fc.option(fc.constantFrom(...VERSIONS), { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deleteTags' as const), tags: fc.subarray(TAGS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deleteMatching' as const), keys: fc.subarray(KEYS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
)

it('after any sequence of operations, L1 holds what one plain Map would, and its index of tags nothing else', () => {
  const limits = fc.record({ maxEntries: fc.integer({ min: 1, max: KEYS.length }), maxBytes: fc.integer({ min: 800, max: 6000 }) })
  fc.assert(fc.property(limits, fc.array(operation, { maxLength: 60 }), (limits, operations) => {
    const l1 = new L1(limits)
    const model = new Model(limits)
    for (const step of operations) {
      if (step.do === 'set') {
        const entry = entryOf(step.tags, step.versions.slice(0, step.tags.length))
        l1.set(step.key, entry, step.payload)
        model.set(step.key, entry, bytesOf(step.key, step.payload))
      }
      else if (step.do === 'get') {
        expect(l1.get(step.key)).toBe(model.get(step.key))
      }
      else if (step.do === 'delete') {
        l1.delete(step.key)
        model.entries.delete(step.key)
      }
      else if (step.do === 'deleteTag') {
        l1.deleteTag(step.tag, step.version)
        model.deleteTag(step.tag, step.version)
      }
      else if (step.do === 'deleteTags') {
        const test = (tag: string) => step.tags.includes(tag)
        l1.deleteTags(test)
        model.deleteTags(test)
      }
      else if (step.do === 'deleteMatching') {
        const test = (candidate: string) => step.keys.includes(candidate)
        expect(l1.deleteMatching(test)).toBe(model.deleteMatching(test))
      }
      else {
        l1.clear()
        model.entries.clear()
      }
      expect(l1.size).toBe(model.entries.size)
      expect(l1.bytes).toBe(model.bytes)
    }
    expect(l1.matching(() => true).sort()).toEqual([...model.entries.keys()].sort())
    for (const [key, { entry }] of model.entries) expect(l1.get(key)).toBe(entry)
    expectIndexEmpty(l1)
  }), { numRuns: 3000 })
})

/** Empties an L1, and shows that no tag leads to any key: entries without tags, put where a leftover would point, survive every tag. */
function expectIndexEmpty(l1: L1): void {
  for (const key of l1.matching(() => true)) l1.delete(key)
  expect([l1.size, l1.bytes]).toEqual([0, 0])
  for (const key of KEYS) {
    l1.set(key, entryOf(), 0)
    for (const tag of TAGS) l1.deleteTag(tag)
    expect(l1.size, `a tag still leads to "${key}"`).toBe(1)
    l1.delete(key)
  }
}

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

/** Far more keys than fit, each with a tag of its own and one that all of them share. */
const MILLION = 1_000_000

it.each<['entries' | 'bytes', { maxEntries: number, maxBytes: number }, (index: number) => number]>([
  ['entries', { maxEntries: 5000, maxBytes: 64 * 1024 ** 2 }, () => 100],
  ['bytes', { maxEntries: MILLION, maxBytes: 8 * 1024 ** 2 }, index => index % 5000],
])('1,000,000 distinct keys stay within the limit of %s, and leave no memory behind', (bound, limits, payloadOf) => {
  const l1 = new L1(limits)
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  let most = { entries: 0, bytes: 0 }
  for (let index = 0; index < MILLION; index++) {
    l1.set(`product:${index}`, entryOf([`product:${index}`, 'products'], ['1', '1']), payloadOf(index))
    if (l1.size > most.entries || l1.bytes > most.bytes) most = { entries: Math.max(most.entries, l1.size), bytes: Math.max(most.bytes, l1.bytes) }
  }
  expect(most.entries).toBeLessThanOrEqual(limits.maxEntries)
  expect(most.bytes).toBeLessThanOrEqual(limits.maxBytes)
  // And they use what they may.
  if (bound === 'entries') expect(l1.size).toBe(limits.maxEntries)
  else expect(l1.bytes).toBeGreaterThan(0.9 * limits.maxBytes)
  expect(l1.matching(() => true)[0]).toBe(`product:${MILLION - 1}`)
  collectGarbage()
  // A tag that stayed behind costs over 100 bytes, a million of them over 100 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 * l1.bytes)
  l1.deleteTag('products')
  expect([l1.size, l1.bytes]).toEqual([0, 0])
}, 60_000)
