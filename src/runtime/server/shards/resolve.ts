import { HttpError, PublicError } from '../request/errors'
import { show } from '../core/settings'
import type { ShardId } from './id'
import { idText } from './id'
import type { ShardPlace } from './placement'
import { placeByModulo, placeBySlot } from './placement'
import type { ShardsSettings } from './settings'
import { defineService } from '../core/service'

/** Target of {@link ShardResolver.resolveShard}: exactly one of these properties. */
export type ShardTarget = { region: string } | { userId: ShardId } | { key: ShardId } | { model: string } | { domain: string }

/**
 * Finds the names of shards. An unknown region or invalid id throws HttpError 400, because it comes with a request.
 * A model or domain without a shard throws an Error that names the missing option.
 */
export interface ShardResolver {
  /** Every configured shard. */
  readonly shards: readonly string[]
  /** Finds the shard of an id, a region, a model or a domain. */
  resolveShard: (target: ShardTarget) => string
  /** Finds the shard of an id: by its override, then by its prefix before the first dash, then by its slot. */
  shardOfId: (id: ShardId) => string
  /** Finds the shard of a region, or of the default region if the region is unknown. */
  shardOfRegion: (region: string) => string
  /** Finds the shard of an id, the rule that selected it, and the shards that a write reaches. */
  locate: (id: ShardId) => ShardPlace
}

/** Creates the resolver for checked settings. */
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
      throw new TypeError(`resolveShard() cannot find a shard by ${show(kind)}: ${WANTED}.`)
    },
  }
}

const WANTED = 'pass one of { userId }, { key }, { region }, { model } and { domain }'

function onlyEntry(target: ShardTarget): [kind: string, value: unknown] {
  const entries = Object.entries(target ?? {})
  if (entries.length === 1) return entries[0]!
  throw new TypeError(`resolveShard() needs exactly one property, not ${entries.length}: ${WANTED}.`)
}

function findRegion({ regions, defaultShard }: ShardsSettings, region: unknown): string {
  const given = region ?? ''
  if (typeof given !== 'string') throw new PublicError(400, 'REGION_UNKNOWN', `The region is of type ${typeof given}: pass a string.`)
  const shard = regions.get(given.toLowerCase()) ?? defaultShard
  if (shard !== undefined) return shard
  throw new HttpError(400, 'REGION_UNKNOWN', `The region ${show(given)} has no shard:`
    + ' add it to scale.shards.regions, or set scale.shards.defaultRegion.')
}

function findPlace(places: ReadonlyMap<string, string>, name: unknown, kind: 'model' | 'domain'): string {
  const shard = places.get(name as string)
  if (shard !== undefined) return shard
  throw new Error(`The ${kind} ${show(name)} has no shard: add it to scale.shards.placement.${kind}s.`)
}

/** The shard resolver of this process. */
export const shardsService = defineService<ShardResolver>(
  'A shard was looked up before the server started: do it in a handler, or in a plugin of your own, not at the top of a file.',
)

/** Returns the name of a shard's database for `usePrisma(name)`. */
export function databaseOfShard(shard: string): string {
  return `shard ${shard}`
}
