import { expect, it } from 'vitest'
import { moduloHash } from '../../src/runtime/server/shards/modulo'
import { murmur3, slotOf } from '../../src/runtime/server/shards/slot-hash'
import { DEFAULT_SLOTS, firstSlotMap } from '../../src/runtime/server/shards/slot-map'
import frozen from './shards-frozen.json'

// Computed once by another program. Data is stored by these numbers: a test that fails here is right.
it('hash and slot of an id never change', () => {
  expect(frozen.length).toBeGreaterThanOrEqual(200)
  expect(DEFAULT_SLOTS).toBe(4096)
  for (const [id, hash, slot] of frozen as [string, number, number][]) {
    expect([id, murmur3(id), slotOf(id, DEFAULT_SLOTS)]).toEqual([id, hash, slot])
  }
})

it('the first map never changes', () => {
  const { owners } = firstSlotMap(['us', 'eu', 'asia'])
  expect([0, 1365, 1366, 2730, 2731, 4095].map(slot => owners[slot])).toEqual(['asia', 'asia', 'eu', 'eu', 'us', 'us'])
})

it.each([['', 0], ['a', 97], ['Aa', 2112], ['BB', 2112], ['42', 1662], ['hello', 99_162_322], ['polygenelubricants', 2 ** 31], ['Київ', 32_353_945]])('the old hash of %j is %i', (text, hash) => {
  expect(moduloHash(text)).toBe(hash)
})
