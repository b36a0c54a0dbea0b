import { parseReplicas } from '../core/database-address'
import { parseChoice, parseObject, refuseUnknownKeys, show } from '../core/settings'
import type { SourceDetails } from '../core/source-details'
import { withDetails } from '../core/source-details'
import { parseKnownShard, parseShardName, refuseTwins } from './shard-name'
import type { SlotMap } from './slot-map'
import { DEFAULT_SLOTS, firstSlotMap } from './slot-map'
import type { StoredSlotMap } from './stored-map'
import { parseSlotMap, parseSlots } from './stored-map'

/** Where a shard's data is. */
export interface ShardSource {
  /** Environment variable that holds the URL, or the URL itself. */
  url: string
  schema?: string
  /** Read replicas of that database: names of environment variables, or addresses. In a text, separated by commas. */
  replicas?: string | readonly string[]
}

/** `scale.shards`: data spread over several databases. */
export interface ShardsModuleOptions {
  /**
   * The shards: a name, and the environment variable that holds its database URL (or the URL itself, without a password), or
   * `{ url, schema, replicas }`; with a `schema` several may share a database. Names are letters, digits, `-` and `_`.
   * @env NUXT_SCALE_SHARDS_MAP_<NAME> the URL of one shard, whose schema and replicas stay
   */
  map: Record<string, string | ShardSource>
  /**
   * The shards that ids are spread over, when not all of `map`: leave out those that hold whole models or domains only.
   * Under `strategy: 'modulo'` their order counts. A stored `slotMap` names its shards itself.
   * @default every name of `map`
   */
  spread?: string[]
  /**
   * Region → shard, in any case: `{ EU: 'eu', CA: 'us' }`. The name of a shard is a region too, unless it is listed here.
   * @default {}
   */
  regions?: Record<string, string>
  /**
   * What a region that is not in `regions` counts as. Without it such a region is refused.
   * @default ''
   * @env NUXT_SCALE_SHARDS_DEFAULT_REGION
   */
  defaultRegion?: string
  /**
   * How an id without an override and without a prefix finds its shard: by the slot map, or by `hash % number of shards`, for data
   * that was laid out by that formula.
   * @default 'slots'
   */
  strategy?: 'slots' | 'modulo'
  /**
   * Number of slots of the first map, from the number of shards to 65536. Never change it once data exists.
   * @default 4096
   */
  slots?: number
  /**
   * The stored map, as an object or as JSON text. Without one the slots are shared out evenly, which is right until the first change of shards.
   * @default ''
   * @env NUXT_SCALE_SHARDS_SLOT_MAP
   */
  slotMap?: StoredSlotMap | string
  /**
   * The file of the stored map, in the place of `slotMap`: read where the server starts, and again within a second when it has changed,
   * so that instances follow a move without a restart. Relative to the folder in which the server is started.
   * @default ''
   * @env NUXT_SCALE_SHARDS_SLOT_MAP_FILE
   */
  slotMapFile?: string
  /**
   * The tables whose rows `nuxt-scale shards move` moves, and the column of each that holds the id that decides: `{ User: 'id', Order: 'userId' }`.
   * Names are those of the database. The server does not read it.
   * @default {}
   */
  tables?: Record<string, string>
  /**
   * Whole models (vertical sharding) and whole domains (functional sharding) that live on one shard.
   * @default { models: {}, domains: {} }
   */
  placement?: { models?: Record<string, string>, domains?: Record<string, string> }
}

/** The options as the resolver uses them. Names are looked up in maps, so that `constructor` is a name like any other. */
export interface ShardsSettings {
  map: ReadonlyMap<string, ShardSource>
  /** The shards that ids are spread over, in the order that `modulo` counts them. */
  spread: readonly string[]
  /** Region, or name of a shard, in lower case → shard. */
  regions: ReadonlyMap<string, string>
  /** The shard of a region that is not listed. */
  defaultShard: string | undefined
  strategy: 'slots' | 'modulo'
  slotMap: SlotMap
  /** The file that the map is read from, and read again when it changes; '' for none. */
  slotMapFile: string
  /** Table → column of the id. */
  tables: ReadonlyMap<string, string>
  /** Whether the map was stored. A map that was not must be, before a shard comes or goes. */
  stored: boolean
  models: ReadonlyMap<string, string>
  domains: ReadonlyMap<string, string>
}

export const shardsDefaults: Required<ShardsModuleOptions> = {
  map: {},
  spread: [],
  regions: {},
  defaultRegion: '',
  strategy: 'slots',
  slots: DEFAULT_SLOTS,
  slotMap: '',
  slotMapFile: '',
  tables: {},
  placement: { models: {}, domains: {} },
}

const OPTION = 'scale.shards'

/**
 * @param details what `scale.shards.map` said of each database beside its address, where a variable may have taken the place of both
 * @throws Error naming the option that is wrong
 */
export function resolveShardsSettings(options: ShardsModuleOptions, details: Record<string, SourceDetails> = {}): ShardsSettings {
  refuseUnknownKeys(options, Object.keys(shardsDefaults), OPTION)
  const map = resolveMap(withDetails(options.map, details))
  const shards = [...map.keys()]
  const regions = resolveRegions(options.regions ?? {}, shards)
  const strategy = parseChoice(options.strategy ?? shardsDefaults.strategy, ['slots', 'modulo'], `${OPTION}.strategy`)
  const slotMapFile = resolveFile(options.slotMapFile ?? '')
  if (options.slotMap && slotMapFile) throw new Error(`${OPTION}.slotMap is set beside ${OPTION}.slotMapFile: remove one of the two.`)
  const stored = Boolean(options.slotMap || slotMapFile)
  if (stored && strategy === 'modulo') throw new Error(`${OPTION}.slotMap is set beside the strategy 'modulo', which reads no map: remove one of the two.`)
  const spread = resolveSpread(options.spread ?? [], shards, stored)
  const placement = parseObject(options.placement ?? {}, `${OPTION}.placement`)
  refuseUnknownKeys(placement, ['models', 'domains'], `${OPTION}.placement`)
  return {
    map,
    spread,
    regions,
    defaultShard: resolveDefaultRegion(options.defaultRegion, regions),
    strategy,
    slotMap: options.slotMap ? resolveStoredMap(options, shards) : firstSlotMap(spread, resolveSlots(options.slots, spread)),
    slotMapFile,
    tables: resolveTables(options.tables ?? {}),
    stored,
    models: resolvePlaces(placement.models, shards, `${OPTION}.placement.models`),
    domains: resolvePlaces(placement.domains, shards, `${OPTION}.placement.domains`),
  }
}

function resolveMap(value: unknown): ReadonlyMap<string, ShardSource> {
  const path = `${OPTION}.map`
  const entries = Object.entries(parseObject(value ?? {}, path))
  if (entries.length === 0) throw new Error(`${path} is empty: name a shard at least, as in { eu: 'DATABASE_URL_EU' }, or leave out ${OPTION}.`)
  refuseTwins(entries.map(([name]) => parseShardName(name, path)), path)
  return new Map(entries.map(([name, source]) => [name, parseSource(source, `${path}.${name}`)]))
}

/** What is wrong is not shown: it may be a URL with a password. */
function parseSource(source: unknown, path: string): ShardSource {
  if (typeof source === 'string' && (/^[a-z_]\w*$/i.test(source) || /^[a-z][a-z\d+.-]*:\S*$/i.test(source))) return { url: source }
  if (typeof source === 'object' && source !== null) {
    refuseUnknownKeys(source, ['url', 'schema', 'replicas'], path)
    const { url, schema, replicas } = source as ShardSource
    if (schema !== undefined && typeof schema !== 'string') throw new TypeError(`${path}.schema is no text: write the name of a schema.`)
    return { ...parseSource(url, `${path}.url`), schema, ...replicas !== undefined && { replicas: parseReplicas(replicas, `${path}.replicas`) } }
  }
  throw new TypeError(`${path} is neither the name of an environment variable nor a URL: write such as 'DATABASE_URL_EU'.`)
}

function resolveSpread(value: unknown, shards: readonly string[], stored: boolean): readonly string[] {
  const path = `${OPTION}.spread`
  if (!Array.isArray(value)) throw new TypeError(`${path} is ${show(value)}: write a list of shards.`)
  if (value.length === 0) return shards
  if (stored) throw new Error(`${path} is set beside a stored slotMap, which names its shards itself: remove it.`)
  return refuseTwins(value.map(name => parseKnownShard(name, shards, path)), path)
}

function resolveSlots(value: unknown, spread: readonly string[]): number {
  const slots = parseSlots(value ?? shardsDefaults.slots, `${OPTION}.slots`)
  if (slots < spread.length) throw new TypeError(`${OPTION}.slots is ${slots}: write at least the number of shards, ${spread.length}.`)
  return slots
}

/**
 * The settings with another stored map.
 *
 * @param text its JSON
 * @param path how errors name it
 * @throws Error when it is no map, or names a shard that has no address
 */
export function withSlotMap(settings: ShardsSettings, text: string, path: string): ShardsSettings {
  return { ...settings, stored: true, slotMap: parseKnownMap(text, [...settings.map.keys()], path) }
}

function parseKnownMap(stored: unknown, shards: readonly string[], path: string): SlotMap {
  const map = parseSlotMap(stored, path)
  const unknown = map.shards.find(shard => !shards.includes(shard))
  if (unknown !== undefined) throw new Error(`${path} holds the shard ${unknown}, which ${OPTION}.map does not name: add it to ${OPTION}.map.`)
  return map
}

function resolveFile(value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError(`${OPTION}.slotMapFile is ${show(value)}: write the path of a file.`)
}

function resolveTables(value: unknown): ReadonlyMap<string, string> {
  const path = `${OPTION}.tables`
  return new Map(Object.entries(parseObject(value, path)).map(([table, column]) => {
    if (typeof column === 'string' && column !== '') return [table, column]
    throw new TypeError(`${path}.${table} is ${show(column)}: write the column that holds the id.`)
  }))
}

function resolveStoredMap({ slotMap, slots }: ShardsModuleOptions, shards: readonly string[]): SlotMap {
  const map = parseKnownMap(slotMap, shards, `${OPTION}.slotMap`)
  const wanted = parseSlots(slots ?? shardsDefaults.slots, `${OPTION}.slots`)
  if (wanted !== shardsDefaults.slots && wanted !== map.owners.length) throw new Error(`${OPTION}.slots is ${wanted}, but the stored map has ${map.owners.length} slots, which never change: remove ${OPTION}.slots.`)
  return map
}

function resolveRegions(value: unknown, shards: readonly string[]): ReadonlyMap<string, string> {
  const path = `${OPTION}.regions`
  const entries = Object.entries(parseObject(value, path))
  refuseTwins(entries.map(([region]) => region), path)
  const regions = new Map(shards.map(shard => [shard.toLowerCase(), shard]))
  for (const [region, shard] of entries) regions.set(region.toLowerCase(), parseKnownShard(shard, shards, `${path}.${region}`))
  return regions
}

function resolveDefaultRegion(value: unknown, regions: ReadonlyMap<string, string>): string | undefined {
  if (!value) return undefined
  const shard = regions.get(String(value).toLowerCase())
  if (shard !== undefined) return shard
  throw new TypeError(`${OPTION}.defaultRegion is ${show(value)}, which leads to no shard: write a key of ${OPTION}.regions or the name of a shard.`)
}

function resolvePlaces(value: unknown, shards: readonly string[], path: string): ReadonlyMap<string, string> {
  return new Map(Object.entries(parseObject(value ?? {}, path)).map(([name, shard]) => [name, parseKnownShard(shard, shards, `${path}.${name}`)]))
}
