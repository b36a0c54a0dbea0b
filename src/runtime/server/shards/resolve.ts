import { HttpError, PublicError } from '../request/errors'
import { show } from '../core/settings'
import type { ShardId } from './id'
import { idText } from './id'
import type { ShardPlace } from './placement'
import { placeByModulo, placeBySlot } from './placement'
import type { ShardsSettings } from './settings'

/** What to find the shard of: one of these. */
export type ShardTarget = { region: string } | { userId: ShardId } | { key: ShardId } | { model: string } | { domain: string }

/**
 * Finds shards by name, and never guesses: a region or an id that leads nowhere is an HttpError with status 400, for it came with a request;
 * a model or domain that leads nowhere is an Error that names the option.
 */
export interface ShardResolver {
  /** Every configured shard. */
  readonly shards: readonly string[]
  /** The shard of an id, a region, a model or a domain. */
  resolveShard: (target: ShardTarget) => string
  /** The shard of an id: its override, else the shard that it names before its first dash, else its slot. */
  shardOfId: (id: ShardId) => string
  /** The shard of a region: the listed one, else that of the default region. */
  shardOfRegion: (region: string) => string
  /** Where an id lives, why there, and where to write it. */
  locate: (id: ShardId) => ShardPlace
}

export function createShardResolver(settings: ShardsSettings): ShardResolver {
  const placement = settings.strategy === 'modulo' ? placeByModulo(settings) : placeBySlot(settings)
  const shardOfId = (id: ShardId) => placement.shardOf(idText(id))
  const shardOfRegion = (region: unknown) => findRegion(settings, region)
  return {
    shards: [...settings.map.keys()],
    shardOfId,
    shardOfRegion,
    locate: id => placement.locate(idText(id)),
    resolveShard(target) {
      const [kind, value] = onlyEntry(target)
      switch (kind) {
        case 'userId':
        case 'key': return shardOfId(value as ShardId)
        case 'region': return shardOfRegion(value)
        case 'model': return findPlace(settings.models, value, kind)
        case 'domain': return findPlace(settings.domains, value, kind)
      }
      throw new TypeError(`A shard is not found by ${show(kind)}: ${WANTED}.`)
    },
  }
}

const WANTED = 'pass one of { userId }, { key }, { region }, { model } and { domain }'

function onlyEntry(target: ShardTarget): [kind: string, value: unknown] {
  const entries = Object.entries(target ?? {})
  if (entries.length === 1) return entries[0]!
  throw new TypeError(`A shard is found by one thing, not by ${entries.length}: ${WANTED}.`)
}

function findRegion({ regions, defaultShard }: ShardsSettings, region: unknown): string {
  const given = region ?? ''
  if (typeof given !== 'string') throw new PublicError(400, 'REGION_UNKNOWN', `The region is of type ${typeof given}: pass a string.`)
  const shard = regions.get(given.toLowerCase()) ?? defaultShard
  if (shard !== undefined) return shard
  throw new HttpError(400, 'REGION_UNKNOWN', `The region ${show(given)} leads to no shard.`)
}

function findPlace(places: ReadonlyMap<string, string>, name: unknown, kind: 'model' | 'domain'): string {
  const shard = places.get(name as string)
  if (shard !== undefined) return shard
  throw new Error(`The ${kind} ${show(name)} has no shard: name it in scale.shards.placement.${kind}s.`)
}
