import { parseKnownShard, parseShardName, refuseTwins } from './shard-name'
import type { PlannedMove, SlotMap } from './slot-map'
import { slotCounts, slotsOf } from './slot-map'

/** Shards to add and to remove. */
export interface ShardChange {
  /** New shards, or shards of the map that have no slots yet. */
  add?: readonly string[]
  /** Shards whose slots all move to other shards. */
  remove?: readonly string[]
}

/** The moves for a change of shards, and the map after them. A plan itself moves no data. */
export interface ShardPlan {
  before: SlotMap
  after: SlotMap
  moves: readonly PlannedMove[]
  /** Number of slots that move. */
  moved: number
  /** Share of all slots that move, from 0 to 1. It is about the share of the data. */
  share: number
}

/**
 * Plans the fewest moves that add and remove shards. Slots move only to added shards and from removed ones, never between the others.
 * If the shards of a map differ by at most one slot, they still do after the change.
 *
 * @throws Error when the change is not possible
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
  if (map.moving.length > 0) {
    const { from, to } = map.moving[0]!
    throw new Error(`The move from ${from} to ${to} is not finished: finish or take back every move before the next plan.`)
  }
  if (add.length + remove.length === 0) throw new Error('The plan changes nothing: name a shard to add or to remove.')
  const counts = slotCounts(map)
  refuseTwins([...map.shards.filter(shard => !add.includes(shard)), ...add.map(shard => parseShardName(shard, 'add'))], 'add')
  refuseTwins(remove.map(shard => parseKnownShard(shard, map.shards, 'remove')), 'remove')
  for (const shard of add) {
    if (remove.includes(shard)) throw new Error(`The plan adds and removes the shard ${shard}: name it once.`)
    if (counts.get(shard)) throw new Error(`The shard ${shard} already has slots: add another name.`)
  }
  const staying = shardsWithSlots(counts, add, remove).length
  if (staying === 0) throw new Error('The plan leaves no shard with slots: keep one, or add another.')
  if (staying > map.owners.length) throw new Error(`The plan has more shards than the ${map.owners.length} slots: add fewer.`)
  for (const [id, shard] of map.overrides) {
    if (remove.includes(shard)) {
      throw new Error(`The override of ${JSON.stringify(id)} is on ${shard}: move that id before you remove ${shard}.`)
    }
  }
}

/** Returns the shards that have slots after the plan. A shard without slots gets none unless it is added. */
function shardsWithSlots(counts: ReadonlyMap<string, number>, add: readonly string[], remove: readonly string[]): string[] {
  return [...new Set([...counts.keys(), ...add])]
    .filter(shard => !remove.includes(shard) && (add.includes(shard) || counts.get(shard)! > 0))
}

/** Calculates the number of slots of each shard after the plan. */
function targetCounts(
  before: ReadonlyMap<string, number>, add: readonly string[], remove: readonly string[], slots: number,
): Map<string, number> {
  const targets = new Map(shardsWithSlots(before, add, remove).map(shard => [shard, before.get(shard) ?? 0]))
  const held = [...targets.values()].reduce((sum, count) => sum + count, 0)
  // The slots of removed shards go to the shards with the fewest slots, so to new shards first.
  for (let free = slots - held; free > 0; free--) shift(targets, least(targets.keys(), targets)!, 1)
  const share = Math.ceil(slots / targets.size)
  // New shards take the rest of their share from the shards with the most slots, as long as that makes the map more even.
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

/** Returns the first of the shards with the fewest slots. */
function least(shards: Iterable<string>, counts: ReadonlyMap<string, number>): string | undefined {
  return [...shards].reduce<string | undefined>((best, shard) => {
    return best === undefined || counts.get(shard)! < counts.get(best)! ? shard : best
  }, undefined)
}

/** Returns the last of the shards with the most slots. */
function most(counts: ReadonlyMap<string, number>): string {
  return [...counts.keys()].reduce((best, shard) => counts.get(shard)! >= counts.get(best)! ? shard : best)
}

/** Creates the moves: the highest slots of shards with too many slots go, range by range, to shards with too few. */
function pairUp(map: SlotMap, before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): PlannedMove[] {
  const moves: PlannedMove[] = []
  const givers = [...before]
    .map(([shard, count]) => ({ shard, slots: slotsOf(map, shard).slice(after.get(shard) ?? count) }))
    .filter(({ slots }) => slots.length > 0)
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
