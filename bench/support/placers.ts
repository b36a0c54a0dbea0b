import ConsistentHash from 'consistent-hash'
import HashRing from 'hashring'
import { createShardResolver, firstSlotMap, moduloShard, planShards, shardsSettings, serializeSlotMap } from './engine.ts'

/** A way to place ids on shards. */
export interface Placer {
  /** The shard of an id. */
  find: (id: string) => string
  /** The same with one shard more. May change this placer. */
  grow: () => Placer
}

/** Names of shards. */
function shardNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `shard${index}`)
}

/** Our shards, on a slot map that was stored. */
export function createOurs(count: number): Placer {
  return placeOurs(firstSlotMap(shardNames(count)))
}

function placeOurs(map: ReturnType<typeof firstSlotMap>): Placer {
  const settings = shardsSettings.resolveGiven({ map: Object.fromEntries(map.shards.map(shard => [shard, 'DATABASE_URL'])), slotMap: serializeSlotMap(map) })
  return {
    find: createShardResolver(settings).shardOfId,
    grow: () => placeOurs(planShards(map, { add: [`shard${map.shards.length}`] }).after),
  }
}

/** npm `hashring`: 160 points a shard, MD5, a cache of the last 5,000 keys. */
export function createHashRing(count: number): Placer {
  const ring = new HashRing(shardNames(count))
  const placer: Placer = {
    find: id => ring.get(id),
    grow() {
      ring.add([`shard${count}`])
      return placer
    },
  }
  return placer
}

/** npm `consistent-hash`: 40 points a shard, placed at random. */
export function createConsistentHash(count: number): Placer {
  const ring = new ConsistentHash()
  for (const shard of shardNames(count)) ring.add(shard)
  const placer: Placer = {
    find: id => ring.get(id),
    grow() {
      ring.add(`shard${count}`)
      return placer
    },
  }
  return placer
}

/** `hash % number of shards`, as in many a tutorial. */
export function createModulo(count: number): Placer {
  const shards = shardNames(count)
  return { find: id => moduloShard(id, shards), grow: () => createModulo(count + 1) }
}
