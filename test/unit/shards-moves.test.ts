import fc from 'fast-check'
import { expect, it } from 'vitest'
import { advanceMove, startMoves, takeBackMove } from '../../src/runtime/server/shards/moves'
import { planShards } from '../../src/runtime/server/shards/plan'
import { createShardResolver } from '../../src/runtime/server/shards/resolve'
import { shardsSettings } from '../../src/runtime/server/shards/settings'
import type { SlotMap } from '../../src/runtime/server/shards/slot-map'
import { firstSlotMap, slotCounts } from '../../src/runtime/server/shards/slot-map'
import { slotOf } from '../../src/runtime/server/shards/slot-hash'
import { parseSlotMap, serializeSlotMap } from '../../src/runtime/server/shards/stored-map'

const first = firstSlotMap(['a', 'b', 'c'])
const plan = planShards(first, { add: ['d'] })
const fromA = { from: 'a', to: 'd' }
const resolverOf = (map: SlotMap) => createShardResolver(shardsSettings.resolveGiven({ map: { a: 'A', b: 'B', c: 'C', d: 'D' }, slotMap: serializeSlotMap(map) }))
const moving = new Set(plan.moves.find(({ from }) => from === 'a')!.slots)
const id = Array.from({ length: 100_000 }, (_, index) => String(index)).find(id => moving.has(slotOf(id, 4096)))!

it('slots stay where they are when they set out', () => {
  const map = startMoves(plan)
  expect(map).toMatchObject({ version: 2, shards: ['a', 'b', 'c', 'd'], owners: first.owners })
  expect(map.moving).toEqual(plan.moves.map(move => ({ ...move, state: 'copying' })))
})

it('a move goes through its states, and reads and writes with it', () => {
  let map = startMoves(plan)
  const seen: unknown[] = []
  for (let step = 0; step < 5; step++) {
    const { shard, writes } = resolverOf(map).locate(id)
    expect(resolverOf(map).shardOfId(id)).toBe(shard)
    seen.push([map.moving.find(({ from }) => from === 'a')?.state, shard, writes])
    if (step < 4) map = advanceMove(map, fromA)
  }
  expect(seen).toEqual([
    ['copying', 'a', ['a']],
    ['dual-write', 'a', ['a', 'd']],
    ['verify', 'a', ['a', 'd']],
    ['read-new', 'd', ['a', 'd']],
    [undefined, 'd', ['d']],
  ])
  expect(map.version).toBe(6)
})

it('every step can be taken back, and the end is what was planned', () => {
  fc.assert(fc.property(fc.array(fc.record({ at: fc.nat(), forward: fc.boolean() }), { maxLength: 30 }), (steps) => {
    let map = startMoves(plan)
    const done = new Map<string, number>()
    for (const { at, forward } of steps) {
      const move = map.moving[at % (map.moving.length || 1)]
      if (!move) break
      const next = forward ? advanceMove(map, move) : takeBackMove(map, move)
      expect(next.version).toBe(map.version + 1)
      map = next
      // Nothing is lost or doubled on the way.
      expect(parseSlotMap(serializeSlotMap(map))).toEqual(map)
      if (forward && !map.moving.some(({ from }) => from === move.from)) done.set(move.from, move.slots.length)
    }
    expect(slotCounts(map).get('d')).toBe([...done.values()].reduce((sum, count) => sum + count, 0))
  }))
  let map = startMoves(plan)
  while (map.moving.length > 0) map = advanceMove(map, map.moving[0]!)
  expect(map.owners).toEqual(plan.after.owners)
  map = startMoves(plan)
  while (map.moving.length > 0) map = takeBackMove(map, map.moving[0]!)
  expect(map.owners).toEqual(first.owners)
})

it('a removed shard goes when its slots are gone', () => {
  let map = startMoves(planShards(first, { remove: ['b'] }))
  while (map.moving.length > 0) map = advanceMove(map, map.moving[0]!)
  expect(slotCounts(map).get('b')).toBe(0)
  const { after, moves } = planShards(map, { remove: ['b'] })
  expect(moves).toEqual([])
  expect(after.shards).toEqual(['a', 'c'])
})

it('a move that is not there is refused with one sentence', () => {
  expect(() => advanceMove(first, fromA)).toThrow('The map contains no move from a to d: name a move of the map.')
  expect(() => takeBackMove(startMoves(plan), { from: 'd', to: 'a' })).toThrow('The map contains no move from d to a')
})
