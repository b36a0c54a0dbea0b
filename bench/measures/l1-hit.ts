import { Cacheable } from 'cacheable'
import { LRUCache } from 'lru-cache'
import { startRedis } from '../../test/support/redis.ts'
import { LIFE, startBentocache, startNaive, startOurs } from '../support/peers.ts'
import { product } from '../support/product.ts'
import type { Contender } from '../support/rounds.ts'
import { interleave } from '../support/rounds.ts'
import { median, medianRatio } from '../support/statistics.ts'
import type { Measure } from '../support/types.ts'
import { check } from '../support/types.ts'

const KEY = 'product:1'
const MANY = 1000

/** An awaited hit in the memory of the process. */
export const measure: Measure = {
  title: 'L1 hit, awaited, 1 kB object',
  rounds: 10,
  async run({ rounds, progress, defer }) {
    const server = await startRedis()
    defer(() => server.stop())
    const value = product(1)
    const load = () => value
    const keys = Array.from({ length: MANY }, (_, index) => `product:${index}`)

    const lru = new LRUCache<string, object>({ max: 10_000, ttl: LIFE * 1000 })

    async function throughLru(key: string) {
      return lru.get(key)
    }
    const ours = await startOurs({ port: server.port })
    defer(ours.close)
    const { engine } = ours
    const bentocache = startBentocache(server.port, { l1: true })
    defer(bentocache.close)
    const unserialized = startBentocache(server.port, { l1: true, serialize: false, prefix: 'unserialized' })
    defer(unserialized.close)
    const cacheable = new Cacheable({ ttl: LIFE * 1000 })
    defer(() => cacheable.disconnect())
    const naive = startNaive(server.port)
    defer(naive.close)

    for (const key of keys) {
      lru.set(key, value)
      await engine.get(key, load, LIFE)
    }
    for (const peer of [bentocache, unserialized, naive]) await peer.get(KEY, load)

    let lruTurn = 0
    let ourTurn = 0
    const results = await interleave({
      'lru-cache in an async function': await loop('lru', () => throughLru(KEY), 1_000_000),
      'ours': await loop('ours', () => engine.get(KEY, load, 300), 1_000_000),
      'bentocache': await loop('bentocache', () => bentocache.get(KEY, load), 50_000),
      'bentocache serialize: false': await loop('unserialized', () => unserialized.get(KEY, load), 100_000),
      'cacheable': await loop('cacheable', () => cacheable.getOrSet(KEY, async () => value), 20_000),
      'naive helper (goes to Redis)': await loop('naive', () => naive.get(KEY, load), 2000),
      'lru-cache, 1,000 keys in turn': await loop('lru-many', () => throughLru(keys[lruTurn = (lruTurn + 1) % MANY]!), 500_000),
      'ours, 1,000 keys in turn': await loop('ours-many', () => engine.get(keys[ourTurn = (ourTurn + 1) % MANY]!, load, 300), 500_000),
    }, rounds, progress)

    const own = results.ours
    return {
      figures: Object.entries(results).map(([name, values]) => ({ name, value: median(values), unit: 'ns' })),
      checks: [
        check('ours / lru-cache in an async function', medianRatio(own, results['lru-cache in an async function']), 'at most', 2),
        check('bentocache / ours', medianRatio(results.bentocache, own), 'at least', 5),
        check('bentocache serialize: false / ours', medianRatio(results['bentocache serialize: false'], own), 'at least', 4),
      ],
      notes: [
        `ours / lru-cache with 1,000 keys in turn: ${medianRatio(results['ours, 1,000 keys in turn'], results['lru-cache, 1,000 keys in turn']).toFixed(2)}.`,
        `cacheable / ours: ${medianRatio(results.cacheable, own).toFixed(0)}, naive helper / ours: ${medianRatio(results['naive helper (goes to Redis)'], own).toFixed(0)}.`,
      ],
    }
  },
}

/** A contender with a loop of its own, see there. */
async function loop(name: string, operation: () => Promise<unknown>, calls: number): Promise<Contender> {
  const { nanosecondsPerCall } = await import(`../support/loop.ts?${name}`) as typeof import('../support/loop.ts')
  return () => nanosecondsPerCall(operation, calls)
}
