import { makeIds } from '../../test/support/ids.ts'
import type { IdKind } from '../../test/support/ids.ts'
import type { Placer } from '../support/placers.ts'
import { createConsistentHash, createHashRing, createModulo, createOurs } from '../support/placers.ts'
import type { Contender } from '../support/rounds.ts'
import { interleave } from '../support/rounds.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Check, Figure, Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const IDS = 100_000
const SHARDS = 16
/** Few enough for the cache of hashring, which holds 5,000 keys. */
const FEW = 1000
const kinds: IdKind[] = ['sequential', 'sequential by ten', 'UUID', 'ObjectId']
const growths = [4, 8, 16]
const placers: Record<string, (count: number) => Placer> = {
  'ours': createOurs,
  'hashring': createHashRing,
  'consistent-hash': createConsistentHash,
  'hash % N': createModulo,
}

/** What it costs to find a shard, how evenly ids are spread, and how many move when a shard comes. */
export const measure: Measure = {
  title: `shard of an ASCII id among ${SHARDS}, evenness, and ids that move to one shard more`,
  rounds: 10,
  async run({ rounds, progress }) {
    const speed = await measureSpeed(rounds, progress)
    progress('counting')
    const growth = Object.entries(placers).flatMap(([name, create]) => growths.map(count => grow(name, create, count)))
    return {
      figures: [...speed.figures, ...growth.flatMap(({ figures }) => figures)],
      checks: [...speed.checks, ...growth.filter(({ name }) => name === 'ours').flatMap(({ checks }) => checks)],
      notes: [
        `One lookup after the other, of ${IDS.toLocaleString('en-US')} different ids, a quarter each of ${kinds.join(', ')}; of the last 5,000 keys hashring remembers the answer.`,
        'The fullest shard and the ids moved are those of the worst kind of ids. An even share for the new shard is 1 in N+1 of them.',
        'consistent-hash places its points at random, so two processes place ids differently unless they share the points.',
      ],
    }
  },
}

interface Part { figures: Figure[], checks: Check[] }

async function measureSpeed(rounds: number, progress: (text: string) => void): Promise<Part> {
  const ids = kinds.flatMap(kind => makeIds(kind, IDS / kinds.length))
  const few = ids.filter((_, index) => index % (IDS / FEW) === 0)
  const inTurn = Array.from({ length: IDS / FEW }, () => few).flat()
  const contenders = Object.fromEntries(await Promise.all(Object.entries(placers).flatMap(([name, create]) => {
    const { find } = create(SHARDS)
    return [[name, ids] as const, [`${name}, ${FEW.toLocaleString('en-US')} ids in turn`, inTurn] as const].map(async ([title, list]) => [title, await loop(title, find, list)] as const)
  })))
  const results = await interleave(contenders, rounds, progress)
  return {
    figures: Object.entries(results).map(([name, values]) => ({ name, value: median(values), unit: 'ns' })),
    checks: [
      check('hashring / ours', medianRatio(results.hashring!, results.ours!), 'at least', 3),
    ],
  }
}

/** A contender with a loop of its own, see there. */
async function loop(name: string, find: (id: string) => string, ids: readonly string[]): Promise<Contender> {
  const { nanosecondsPerItem } = await import(`../support/loop.ts?${encodeURIComponent(name)}`) as typeof import('../support/loop.ts')
  return async () => nanosecondsPerItem(find, ids)
}

/** Counts how evenly ids are spread before and after one shard more, and how many of them move. */
function grow(name: string, create: (count: number) => Placer, count: number): Part & { name: string } {
  let fullest = 0
  let moved = 0
  for (const kind of kinds) {
    const ids = makeIds(kind, IDS)
    const placer = create(count)
    const before = ids.map(placer.find)
    const after = ids.map(placer.grow().find)
    fullest = Math.max(fullest, imbalance(before, count), imbalance(after, count + 1))
    moved = Math.max(moved, before.filter((shard, index) => shard !== after[index]).length / IDS)
  }
  const fewest = 1 / (count + 1)
  const threeSigma = 3 * Math.sqrt(fewest * (1 - fewest) / IDS)
  const fullestName = `${name}, ${count} → ${count + 1} shards: fullest / mean`
  const movedName = `${name}, ${count} → ${count + 1} shards: ids moved`
  return {
    name,
    figures: [{ name: fullestName, value: fullest, unit: '' }, { name: movedName, value: moved * 100, unit: '%' }],
    checks: [check(fullestName, fullest, 'at most', 1.06), check(movedName, moved * 100, 'at most', (fewest + threeSigma) * 100, '%')],
  }
}

/** Load of the fullest shard over the mean. */
function imbalance(shards: readonly string[], count: number): number {
  const loads = new Map<string, number>()
  for (const shard of shards) loads.set(shard, (loads.get(shard) ?? 0) + 1)
  return Math.max(...loads.values()) * count / shards.length
}
