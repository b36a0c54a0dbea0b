import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ShardChange } from '../../src/runtime/server/shards/plan'
import { planShards } from '../../src/runtime/server/shards/plan'
import type { SlotMap } from '../../src/runtime/server/shards/slot-map'
import { firstSlotMap, slotCounts } from '../../src/runtime/server/shards/slot-map'
import { slotOf } from '../../src/runtime/server/shards/slot-hash'
import { parseSlotMap, serializeSlotMap } from '../../src/runtime/server/shards/stored-map'
import type { IdKind } from '../support/ids'
import { idKinds, makeIds } from '../support/ids'

const names = (count: number) => Array.from({ length: count }, (_, index) => `shard${index}`)

/** How many slots two maps give to different shards. */
const difference = (a: SlotMap, b: SlotMap) => a.owners.filter((owner, slot) => b.owners[slot] !== owner).length

const spreadOf = (map: SlotMap) => {
  const counts = [...slotCounts(map).values()]
  return Math.max(...counts) - Math.min(...counts)
}

/** Random additions and removals, one after the other. */
const steps = fc.array(fc.record({ add: fc.nat(3), remove: fc.nat(3), pick: fc.nat(1000) }), { maxLength: 12 })

function changesOf(map: SlotMap, step: { add: number, remove: number, pick: number }, turn: number): ShardChange | undefined {
  const remove = Array.from({ length: Math.min(step.remove, map.shards.length - 1) }, (_, index) => map.shards[(step.pick + index) % map.shards.length]!)
  const add = Array.from({ length: step.add }, (_, index) => `new${turn}-${index}`)
  return add.length + remove.length > 0 ? { add, remove } : undefined
}

describe('a plan', () => {
  it('moves slots only to new shards and from removed ones, as few as an even map allows, and leaves the map even', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 40, max: 700 }), steps, (shards, slots, steps) => {
      let map = firstSlotMap(names(shards), slots)
      for (const [turn, step] of steps.entries()) {
        const change = changesOf(map, step, turn)
        if (!change || map.shards.length + step.add > 40) continue
        const { after, moves, moved, share } = planShards(map, change)
        for (const { from, to } of moves) expect(change.remove!.includes(from) || change.add!.includes(to)).toBe(true)
        expect(moved).toBe(difference(map, after))
        expect(share).toBe(moved / slots)
        // A new shard must get its share, and a removed one must lose what it has.
        const counts = slotCounts(map)
        const gained = change.add!.length * Math.floor(slots / after.shards.length)
        const lost = change.remove!.reduce((sum, shard) => sum + counts.get(shard)!, 0)
        expect(moved).toBeGreaterThanOrEqual(Math.max(gained, lost))
        expect(moved).toBeLessThanOrEqual(Math.max(gained + change.add!.length, lost))
        expect(spreadOf(after)).toBeLessThanOrEqual(1)
        expect(after.shards).toEqual([...map.shards, ...change.add!].filter(shard => !change.remove!.includes(shard)))
        expect(after.version).toBe(map.version + 1)
        expect(parseSlotMap(serializeSlotMap(after))).toEqual(after)
        map = after
      }
    }))
  })

  it.each([1, 4, 8, 16, 31])('for one more than %i shards moves at most 1/(N+1) of the slots', (count) => {
    const { moved } = planShards(firstSlotMap(names(count)), { add: ['new'] })
    expect(moved).toBe(Math.floor(4096 / (count + 1)))
  })

  it('moves as the moves say, and nothing else', () => {
    const map = firstSlotMap(names(5))
    const { after, moves } = planShards(map, { add: ['x', 'y'], remove: ['shard2'] })
    const owners = [...map.owners]
    for (const { slots, from, to } of moves) {
      for (const slot of slots) {
        expect(owners[slot]).toBe(from)
        owners[slot] = to
      }
    }
    expect(owners).toEqual(after.owners)
  })

  it('replaces a shard by handing its slots over', () => {
    const { moves, share } = planShards(firstSlotMap(names(4)), { add: ['bigger'], remove: ['shard1'] })
    expect(moves.map(({ from, to, slots }) => [from, to, slots.length])).toEqual([['shard1', 'bigger', 1024]])
    expect(share).toBe(0.25)
  })

  it('leaves the others alone when the map is uneven', () => {
    const map = { ...firstSlotMap(['a', 'b', 'c'], 100), owners: Array.from({ length: 100 }, (_, slot) => slot < 80 ? 'a' : slot < 90 ? 'b' : 'c') }
    expect([...slotCounts(planShards(map, { add: ['d'] }).after)]).toEqual([['a', 55], ['b', 10], ['c', 10], ['d', 25]])
    expect([...slotCounts(planShards(map, { remove: ['b'] }).after)]).toEqual([['a', 80], ['c', 20]])
  })

  it('leaves a shard without slots alone, unless it is to be added', () => {
    const map = { ...firstSlotMap(['a', 'b'], 12), shards: ['a', 'b', 'isolated', 'waiting'] }
    expect([...slotCounts(planShards(map, { add: ['waiting'] }).after)]).toEqual([['a', 4], ['b', 4], ['isolated', 0], ['waiting', 4]])
    expect([...slotCounts(planShards(map, { remove: ['b'] }).after)]).toEqual([['a', 12], ['isolated', 0], ['waiting', 0]])
  })

  it('keeps the map short: slots move in ranges', () => {
    let map = firstSlotMap(names(4))
    for (let count = 4; count < 16; count++) map = planShards(map, { add: [`shard${count}`] }).after
    expect(serializeSlotMap(map).length).toBeLessThan(3000)
  })

  it.each<[change: ShardChange, sentence: string]>([
    [{}, 'The plan changes nothing: name a shard to add or to remove.'],
    [{ add: ['a b'] }, 'add contains "a b", which is not a valid shard name'],
    [{ add: ['shard1'] }, 'The shard shard1 already has slots: add another name.'],
    [{ add: ['SHARD1'] }, 'add contains "shard1" and "SHARD1": write names that differ in more than case.'],
    [{ add: ['x', 'x'] }, 'add contains "x" and "x"'],
    [{ remove: ['mars'] }, 'remove is "mars", which is not a shard: write one of shard0, shard1, shard2.'],
    [{ remove: ['constructor'] }, 'remove is "constructor", which is not a shard'],
    [{ remove: ['shard1', 'shard1'] }, 'remove contains "shard1" and "shard1"'],
    [{ add: ['shard1'], remove: ['shard1'] }, 'The plan adds and removes the shard shard1: name it once.'],
    [{ remove: ['shard0', 'shard1', 'shard2'] }, 'The plan leaves no shard with slots: keep one, or add another.'],
    [{ remove: ['shard2'] }, 'The override of "big" is on shard2: move that id before you remove shard2.'],
    [{ add: names(20).map(name => `x${name}`) }, 'The plan has more shards than the 12 slots: add fewer.'],
  ])('%j is refused with one sentence', (change, sentence) => {
    const map = { ...firstSlotMap(names(3), 12), overrides: new Map([['big', 'shard2']]) }
    expect(() => planShards(map, change)).toThrow(sentence)
  })

  it('waits for the moves under way', () => {
    const map: SlotMap = { ...firstSlotMap(['a', 'b']), moving: [{ slots: [0], from: 'a', to: 'b', state: 'verify' }] }
    expect(() => planShards(map, { add: ['c'] })).toThrow('The move from a to b is not finished: finish or take back every move before the next plan.')
  })
})

describe.each(Object.keys(idKinds) as IdKind[])('%s ids', (kind) => {
  const ids = makeIds(kind, 100_000)

  it.each([4, 8, 16])('are spread evenly over %i shards and one more, and few of them move', (count) => {
    const before = firstSlotMap(names(count))
    const { after } = planShards(before, { add: ['new'] })
    expect(imbalance(ids, before)).toBeLessThan(1.06)
    expect(imbalance(ids, after)).toBeLessThan(1.06)
    const expected = 1 / (count + 1)
    const sigma = Math.sqrt(expected * (1 - expected) / ids.length)
    const slots = ids.map(id => slotOf(id, 4096))
    const moved = slots.filter(slot => before.owners[slot] !== after.owners[slot])
    expect(moved.length / ids.length).toBeLessThan(expected + 3 * sigma)
    expect(new Set(moved.map(slot => after.owners[slot]))).toEqual(new Set(['new']))
  })

  it('are spread evenly after many changes', () => {
    let map = firstSlotMap(names(4))
    for (let count = 4; count < 17; count++) map = planShards(map, { add: [`shard${count}`] }).after
    map = planShards(map, { remove: ['shard2', 'shard9'] }).after
    map = planShards(map, { add: ['last'], remove: ['shard0'] }).after
    expect(imbalance(ids, map)).toBeLessThan(1.06)
  })
})

/** Load of the fullest shard over the mean. */
function imbalance(ids: readonly string[], map: SlotMap): number {
  const counts = new Map(map.shards.map(shard => [shard, 0]))
  for (const id of ids) {
    const shard = map.owners[slotOf(id, map.owners.length)]!
    counts.set(shard, counts.get(shard)! + 1)
  }
  return Math.max(...counts.values()) * map.shards.length / ids.length
}
