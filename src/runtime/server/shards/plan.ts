import { parseKnownShard, parseShardName, refuseTwins } from './shard-name'
import type { PlannedMove, SlotMap } from './slot-map'
import { slotCounts, slotsOf } from './slot-map'

/** Which shards come and go. */
export interface ShardChange {
  /** New shards, or known ones that hold no slot yet. */
  add?: readonly string[]
  /** Shards that give all their slots away. */
  remove?: readonly string[]
}

/** What a change of shards moves, and the map when it is done. Nothing moves by itself. */
export interface ShardPlan {
  before: SlotMap
  after: SlotMap
  moves: readonly PlannedMove[]
  /** How many slots move. */
  moved: number
  /** Their share of all slots, which is about the share of the data. */
  share: number
}

/**
 * Plans the fewest moves that add and remove shards: slots move to the new shards and from the removed ones, never between the others.
 * A map that was even stays even, to a slot.
 *
 * @throws Error one sentence, when the change cannot be made
 */
export function planShards(map: SlotMap, { add = [], remove = [] }: ShardChange): ShardPlan {
  refuseImpossible(map, add, remove)
  const before = slotCounts(map)
  const after = targetCounts(before, add, remove, map.owners.length)
  const moves = pairUp(map, before, after)
  const owners = [...map.owners]
  for (const { slots, to } of moves) {
    for (const slot of slots) owners[slot] = to
  }
  const shards = [...map.shards, ...add.filter(shard => !before.has(shard))].filter(shard => !remove.includes(shard))
  const moved = moves.reduce((sum, { slots }) => sum + slots.length, 0)
  return { before: map, after: { ...map, version: map.version + 1, shards, owners }, moves, moved, share: moved / owners.length }
}

function refuseImpossible(map: SlotMap, add: readonly string[], remove: readonly string[]): void {
  if (map.moving.length > 0) throw new Error(`Slots are on their way from ${map.moving[0]!.from} to ${map.moving[0]!.to}: finish or take back every move before the next plan.`)
  if (add.length + remove.length === 0) throw new Error('The plan changes nothing: name a shard to add or to remove.')
  const counts = slotCounts(map)
  refuseTwins([...map.shards.filter(shard => !add.includes(shard)), ...add.map(shard => parseShardName(shard, 'add'))], 'add')
  refuseTwins(remove.map(shard => parseKnownShard(shard, map.shards, 'remove')), 'remove')
  for (const shard of add) {
    if (remove.includes(shard)) throw new Error(`The shard ${shard} is to be added and removed: name it once.`)
    if (counts.get(shard)) throw new Error(`The shard ${shard} holds slots already: add another name.`)
  }
  const staying = shardsWithSlots(counts, add, remove).length
  if (staying === 0) throw new Error('The plan leaves no shard with slots: keep one, or add another.')
  if (staying > map.owners.length) throw new Error(`The plan has more shards than the ${map.owners.length} slots: add fewer.`)
  for (const [id, shard] of map.overrides) {
    if (remove.includes(shard)) throw new Error(`The override of ${JSON.stringify(id)} leads to ${shard}: move that id before ${shard} goes.`)
  }
}

/** The shards that hold slots when the plan is done. Idle ones stay idle. */
function shardsWithSlots(counts: ReadonlyMap<string, number>, add: readonly string[], remove: readonly string[]): string[] {
  return [...new Set([...counts.keys(), ...add])].filter(shard => !remove.includes(shard) && (add.includes(shard) || counts.get(shard)! > 0))
}

/** How many slots each shard is to hold. */
function targetCounts(before: ReadonlyMap<string, number>, add: readonly string[], remove: readonly string[], slots: number): Map<string, number> {
  const targets = new Map(shardsWithSlots(before, add, remove).map(shard => [shard, before.get(shard) ?? 0]))
  const held = [...targets.values()].reduce((sum, count) => sum + count, 0)
  // What the removed shards leave goes to whoever holds least, which are the new shards first.
  for (let free = slots - held; free > 0; free--) shift(targets, least(targets.keys(), targets)!, 1)
  const share = Math.ceil(slots / targets.size)
  // The new ones take the rest of their share from whoever holds most, as long as that makes the map more even.
  for (;;) {
    const poorest = least(add, targets)
    const richest = most(targets)
    if (poorest === undefined || targets.get(poorest)! >= share || targets.get(richest)! - targets.get(poorest)! < 2) break
    shift(targets, richest, -1)
    shift(targets, poorest, 1)
  }
  for (const shard of remove) targets.set(shard, 0)
  return targets
}

function shift(counts: Map<string, number>, shard: string, by: number): void {
  counts.set(shard, counts.get(shard)! + by)
}

/** The first of those that hold least. */
function least(shards: Iterable<string>, counts: ReadonlyMap<string, number>): string | undefined {
  return [...shards].reduce<string | undefined>((best, shard) => best === undefined || counts.get(shard)! < counts.get(best)! ? shard : best, undefined)
}

/** The last of those that hold most. */
function most(counts: ReadonlyMap<string, number>): string {
  return [...counts.keys()].reduce((best, shard) => counts.get(shard)! >= counts.get(best)! ? shard : best)
}

/** Hands the highest slots of those that hold too many, range by range, to those that hold too few. */
function pairUp(map: SlotMap, before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): PlannedMove[] {
  const moves: PlannedMove[] = []
  const givers = [...before].map(([shard, count]) => ({ shard, slots: slotsOf(map, shard).slice(after.get(shard) ?? count) })).filter(({ slots }) => slots.length > 0)
  for (const [to, target] of after) {
    for (let need = target - (before.get(to) ?? 0); need > 0;) {
      const { shard: from, slots } = givers[0]!
      const taken = slots.splice(0, need)
      moves.push({ slots: taken, from, to })
      need -= taken.length
      if (slots.length === 0) givers.shift()
    }
  }
  return moves
}
