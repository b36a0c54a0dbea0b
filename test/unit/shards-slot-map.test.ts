import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatRanges, parseRanges } from '../../src/runtime/server/shards/ranges'
import { firstSlotMap, moveStates, slotCounts } from '../../src/runtime/server/shards/slot-map'
import { slotOf } from '../../src/runtime/server/shards/slot-hash'
import type { StoredSlotMap } from '../../src/runtime/server/shards/stored-map'
import { parseSlotMap, serializeSlotMap } from '../../src/runtime/server/shards/stored-map'

const stored: StoredSlotMap = {
  version: 3,
  slots: 10,
  shards: ['eu', 'us', 'asia'],
  assignment: { eu: '0-2 9', us: '3-8', asia: '' },
  overrides: { 'customer-42': 'asia', 'acme': 'us', '7': 'us' },
  moving: [{ slots: '5-8', from: 'us', to: 'asia', state: 'dual-write' }],
}

describe('the first map', () => {
  it('shares the slots out evenly', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 40, max: 5000 }), (shards, slots) => {
      const counts = [...slotCounts(firstSlotMap(Array.from({ length: shards }, (_, index) => `shard${index}`), slots)).values()]
      expect(counts.reduce((sum, count) => sum + count)).toBe(slots)
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    }))
  })

  it('does not depend on the order of the shards', () => {
    expect(firstSlotMap(['us', 'eu', 'asia'])).toEqual(firstSlotMap(['asia', 'us', 'eu']))
  })

  it('has 4,096 slots, all of which ids reach', () => {
    expect(firstSlotMap(['eu']).owners).toHaveLength(4096)
    const slots = new Set(Array.from({ length: 100_000 }, (_, id) => slotOf(String(id), 4096)))
    expect(slots.size).toBe(4096)
    expect([Math.min(...slots), Math.max(...slots)]).toEqual([0, 4095])
  })
})

describe('a stored map', () => {
  it('is read as it was written', () => {
    const map = parseSlotMap(stored)
    expect(map.owners).toEqual(['eu', 'eu', 'eu', 'us', 'us', 'us', 'us', 'us', 'us', 'eu'])
    expect([...map.overrides]).toEqual([['7', 'us'], ['customer-42', 'asia'], ['acme', 'us']])
    expect(map.moving).toEqual([{ slots: [5, 6, 7, 8], from: 'us', to: 'asia', state: 'dual-write' }])
    expect(parseSlotMap(JSON.stringify(stored))).toEqual(map)
  })

  it('is written so that people can read it and compare it', () => {
    expect(serializeSlotMap(parseSlotMap(stored))).toBe(`{
  "version": 3,
  "slots": 10,
  "shards": [
    "eu",
    "us",
    "asia"
  ],
  "assignment": {
    "eu": "0-2 9",
    "us": "3-8",
    "asia": ""
  },
  "overrides": {
    "7": "us",
    "acme": "us",
    "customer-42": "asia"
  },
  "moving": [
    {
      "slots": "5-8",
      "from": "us",
      "to": "asia",
      "state": "dual-write"
    }
  ]
}
`)
  })

  it('comes back from its text, whatever it holds', () => {
    const shards = ['eu', 'us', 'constructor', '7']
    const shard = fc.constantFrom(...shards)
    const map = fc.record({
      version: fc.integer({ min: 1, max: 1000 }),
      owners: fc.array(shard, { minLength: 1, maxLength: 60 }),
      overrides: fc.array(fc.tuple(fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString'), fc.string({ minLength: 1 })), shard)),
      to: shard,
      state: fc.constantFrom(...moveStates),
    }).map(({ version, owners, overrides, to, state }) => ({
      version,
      shards,
      owners,
      overrides: new Map(overrides),
      moving: owners[0] === to ? [] : [{ slots: owners.flatMap((owner, slot) => owner === owners[0] ? [slot] : []), from: owners[0]!, to, state }],
    }))
    fc.assert(fc.property(map, (map) => {
      const text = serializeSlotMap(map)
      expect(parseSlotMap(text)).toEqual(map)
      expect(serializeSlotMap(parseSlotMap(text))).toBe(text)
    }))
  })

  it.each<[wrong: unknown, sentence: string]>([
    [[], 'slotMap is []: write an object.'],
    ['{ "version": 1', 'slotMap is not valid JSON: restore the slot map that was stored last.'],
    [{ ...stored, revision: 3 }, 'slotMap.revision is not an option: write one of version, slots, shards, assignment, overrides, moving.'],
    [{ ...stored, version: 0 }, 'slotMap.version is 0: write a whole number of at least 1.'],
    [{ ...stored, version: '1.5' }, 'slotMap.version is "1.5": write a whole number of at least 1.'],
    [{ ...stored, version: undefined }, 'slotMap.version is undefined: write a whole number of at least 1.'],
    [{ ...stored, slots: 100_000 }, 'slotMap.slots is 100000: write a whole number of at most 65536.'],
    [{ ...stored, slots: 12 }, 'slotMap.assignment is missing 2 of 12 slots, the first of them 10: write each slot once.'],
    [{ ...stored, slots: 9 }, 'slotMap.assignment.eu contains "9": write slots from 0 to 8.'],
    [{ ...stored, shards: [] }, 'slotMap.shards is []: write a list with at least one name.'],
    [{ ...stored, shards: ['eu', 'us', 'a b'] }, 'slotMap.shards contains "a b", which is not a valid shard name'],
    [{ ...stored, shards: ['eu', 'us', '__proto__'] }, 'slotMap.shards contains "__proto__", which is not a valid shard name'],
    [{ ...stored, shards: ['eu', 'us', 'asia', 'EU'] }, 'slotMap.shards contains "eu" and "EU": write names that differ in more than case.'],
    [{ ...stored, assignment: { ...stored.assignment, mars: '' } }, 'slotMap.assignment contains "mars", which is not a shard: write one of eu, us, asia.'],
    [{ ...stored, assignment: { ...stored.assignment, constructor: '' } }, 'slotMap.assignment contains "constructor", which is not a shard'],
    [{ ...stored, assignment: { ...stored.assignment, eu: 5 } }, 'slotMap.assignment.eu is 5: write slots such as \'0-1023 1500\', or \'\' for none.'],
    [{ ...stored, assignment: { ...stored.assignment, eu: '0-2 9 x' } }, 'slotMap.assignment.eu contains "x": write a slot such as 1500, or a range such as 0-1023.'],
    [{ ...stored, assignment: { ...stored.assignment, eu: '2-0 9' } }, 'slotMap.assignment.eu contains "2-0": write a slot'],
    [{ ...stored, assignment: { ...stored.assignment, asia: '3' } }, 'slotMap.assignment.asia contains slot 3, which us contains too: write each slot once.'],
    [{ ...stored, overrides: { a: 'mars' } }, 'slotMap.overrides.a is "mars", which is not a shard: write one of eu, us, asia.'],
    [{ ...stored, overrides: { a: 'constructor' } }, 'slotMap.overrides.a is "constructor", which is not a shard'],
    [{ ...stored, moving: {} }, 'slotMap.moving is {}: write a list of moves.'],
    [{ ...stored, moving: [{ ...stored.moving![0], state: 'flying' }] }, 'slotMap.moving[0].state is "flying": write \'copying\', \'dual-write\', \'verify\', \'read-new\'.'],
    [{ ...stored, moving: [{ ...stored.moving![0], to: 'mars' }] }, 'slotMap.moving[0].to is "mars", which is not a shard'],
    [{ ...stored, moving: [{ ...stored.moving![0], to: 'us' }] }, 'slotMap.moving[0] moves slots from us to itself: write another shard.'],
    [{ ...stored, moving: [{ ...stored.moving![0], from: 'eu' }] }, 'slotMap.moving[0] moves slot 5 from eu, but the slot belongs to us: write the shard that owns it.'],
    [{ ...stored, moving: [stored.moving![0], stored.moving![0]] }, 'slotMap.moving[1] moves slot 5, which another move contains too: write it once.'],
    [{ ...stored, moving: [{ ...stored.moving![0], slots: '' }] }, 'slotMap.moving[0].slots is empty: write the slots that are moved.'],
  ])('%j is refused with one sentence', (wrong, sentence) => {
    let message = ''
    try {
      parseSlotMap(wrong)
    }
    catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain(sentence)
    expect(message).toMatch(/^[^\n]+\.$/)
  })
})

it('ranges say which numbers, and no more than needed', () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { size: 'medium', maxLength: 300 }).map(chosen => chosen.flatMap((isIn, number) => isIn ? [number, number + 1] : [])).map(numbers => [...new Set(numbers)]), (numbers) => {
    const text = formatRanges(numbers)
    expect(parseRanges(text, 302, 'ranges')).toEqual(numbers)
    const starts = numbers.filter(number => !numbers.includes(number - 1)).length
    expect(text.split(' ').filter(Boolean)).toHaveLength(starts)
  }))
})
