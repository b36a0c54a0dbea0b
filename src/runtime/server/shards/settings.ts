import { parseReplicas } from '../core/database-address'
import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseChoice, parseObject, refuseUnknownKeys, show } from '../core/settings'
import type { SourceDetails } from '../core/source-details'
import { withDetails } from '../core/source-details'
import { parseKnownShard, parseShardName, refuseTwins } from './shard-name'
import type { SlotMap } from './slot-map'
import { DEFAULT_SLOTS, firstSlotMap } from './slot-map'
import type { StoredSlotMap } from './stored-map'
import { parseSlotMap, parseSlots } from './stored-map'

/** The database of a shard. */
export interface ShardSource {
  /** Environment variable that contains the URL, or the URL itself. */
  url: string
  /** Schema of the shard in that database. */
  schema?: string
  /** Read replicas of that database: names of environment variables, or addresses. In a string, separate them with commas. */
  replicas?: string | readonly string[]
}

/** `scale.shards`: spreads data over several databases. */
export interface ShardsModuleOptions {
  /**
   * Names of the shards, each with its database: an environment variable that contains the URL, the URL itself (without a password),
   * or `{ url, schema, replicas }`. With a `schema`, several shards can share a database.
   * Names contain letters, digits, `-` and `_`.
   * @env NUXT_SCALE_SHARDS_MAP_<NAME> the URL of one shard; its schema and replicas stay as configured
   */
  map: Record<string, string | ShardSource>
  /**
   * Shards over which ids are spread. Leave out shards that contain only whole models or domains.
   * With `strategy: 'modulo'`, the order of the shards matters. Not allowed with a stored `slotMap`, which names its own shards.
   * @default every name of `map`
   */
  spread?: string[]
  /**
   * Regions and their shards: `{ EU: 'eu', CA: 'us' }`. Upper and lower case are equal.
   * The name of each shard is also a region, unless it is listed here.
   * @default {}
   */
  regions?: Record<string, string>
  /**
   * Region to use for a region that is not in `regions`. Without it, such a region is refused with 400.
   * @default ''
   * @env NUXT_SCALE_SHARDS_DEFAULT_REGION
   */
  defaultRegion?: string
  /**
   * How the shard of an id without an override and without a prefix is found: by the slot map, or by `hash % number of shards`.
   * Use `'modulo'` only for existing data that was distributed with that formula.
   * @default 'slots'
   */
  strategy?: 'slots' | 'modulo'
  /**
   * Number of slots of the first slot map, from the number of shards to 65536. Never change it once data exists.
   * @default 4096
   */
  slots?: number
  /**
   * The stored slot map, as an object or a JSON string. Without it, the slots are spread evenly over the shards.
   * Store the map before you first add or remove a shard.
   * @default ''
   * @env NUXT_SCALE_SHARDS_SLOT_MAP
   */
  slotMap?: StoredSlotMap | string
  /**
   * Path of a file with the stored slot map, instead of `slotMap`, relative to the folder in which the server is started.
   * Instances read the file when they start, and again within a second when it changes, so they follow a move without a restart.
   * @default ''
   * @env NUXT_SCALE_SHARDS_SLOT_MAP_FILE
   */
  slotMapFile?: string
  /**
   * Tables whose rows `nuxt-scale shards move` moves, each with the column of the id that decides the shard:
   * `{ User: 'id', Order: 'userId' }`. Use the names in the database. Only the command line reads this option.
   * @default {}
   */
  tables?: Record<string, string>
  /**
   * Shards of whole models (vertical sharding) and of whole domains (functional sharding).
   * @default { models: {}, domains: {} }
   */
  placement?: { models?: Record<string, string>, domains?: Record<string, string> }
}

/** The options after validation. They use maps instead of objects, so that a name such as `constructor` is safe. */
export interface ShardsSettings {
  map: ReadonlyMap<string, ShardSource>
  /** Shards over which ids are spread, in the order that `modulo` uses. */
  spread: readonly string[]
  /** Region or shard name in lower case → shard. */
  regions: ReadonlyMap<string, string>
  /** Shard for regions that are not listed; undefined if such regions are refused. */
  defaultShard: string | undefined
  strategy: 'slots' | 'modulo'
  slotMap: SlotMap
  /** Path of the file with the slot map; `''` if the map is not in a file. */
  slotMapFile: string
  /** Table → column of the id that decides the shard. */
  tables: ReadonlyMap<string, string>
  /** Whether the slot map comes from `slotMap` or `slotMapFile`. It must be stored before a shard is added or removed. */
  stored: boolean
  models: ReadonlyMap<string, string>
  domains: ReadonlyMap<string, string>
}

const OPTION = 'scale.shards'

/** The options of `scale.shards`. */
export const shardsSettings = defineSettings({
  path: OPTION,
  defaults: {
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
  },
  resolve: resolveShards,
})

/** @param details the `schema` and `replicas` of each shard in `scale.shards.map`, since a variable may replace its entry */
function resolveShards(options: Complete<ShardsModuleOptions>, details: Record<string, SourceDetails> = {}): ShardsSettings {
  const map = resolveMap(withDetails(options.map, details))
  const shards = [...map.keys()]
  const regions = resolveRegions(options.regions, shards)
  const strategy = parseChoice(options.strategy, ['slots', 'modulo'], `${OPTION}.strategy`)
  const slotMapFile = resolveFile(options.slotMapFile)
  if (options.slotMap && slotMapFile) throw new Error(`${OPTION}.slotMap and ${OPTION}.slotMapFile are both set: remove one of the two.`)
  const stored = Boolean(options.slotMap || slotMapFile)
  if (stored && strategy === 'modulo') {
    const name = options.slotMap ? 'slotMap' : 'slotMapFile'
    throw new Error(`${OPTION}.${name} is set, but ${OPTION}.strategy is 'modulo', which uses no slot map: remove one of the two.`)
  }
  const spread = resolveSpread(options.spread, shards, stored)
  const placement = parseObject(options.placement, `${OPTION}.placement`)
  return {
    map,
    spread,
    regions,
    defaultShard: resolveDefaultRegion(options.defaultRegion, regions),
    strategy,
    slotMap: options.slotMap ? resolveStoredMap(options, shards) : firstSlotMap(spread, resolveSlots(options.slots, spread)),
    slotMapFile,
    tables: resolveTables(options.tables),
    stored,
    models: resolvePlaces(placement.models, shards, `${OPTION}.placement.models`),
    domains: resolvePlaces(placement.domains, shards, `${OPTION}.placement.domains`),
  }
}

function resolveMap(value: unknown): ReadonlyMap<string, ShardSource> {
  const path = `${OPTION}.map`
  const entries = Object.entries(parseObject(value, path))
  if (entries.length === 0) {
    throw new Error(`${path} is empty: write at least one shard, such as { eu: 'DATABASE_URL_EU' }, or remove ${OPTION}.`)
  }
  refuseTwins(entries.map(([name]) => parseShardName(name, path)), path)
  return new Map(entries.map(([name, source]) => [name, parseSource(source, `${path}.${name}`)]))
}

/** Errors do not show the value, because it may be a URL with a password. */
function parseSource(source: unknown, path: string): ShardSource {
  if (typeof source === 'string' && (/^[a-z_]\w*$/i.test(source) || /^[a-z][a-z\d+.-]*:\S*$/i.test(source))) return { url: source }
  if (typeof source === 'object' && source !== null) {
    refuseUnknownKeys(source, ['url', 'schema', 'replicas'], path)
    const { url, schema, replicas } = source as ShardSource
    if (schema !== undefined && typeof schema !== 'string') {
      throw new TypeError(`${path}.schema must be a string: write the name of a schema.`)
    }
    const list = replicas === undefined ? undefined : { replicas: parseReplicas(replicas, `${path}.replicas`) }
    return { ...parseSource(url, `${path}.url`), schema, ...list }
  }
  throw new TypeError(`${path} must be the name of an environment variable or a URL: write 'DATABASE_URL_EU', for example.`)
}

function resolveSpread(value: unknown, shards: readonly string[], stored: boolean): readonly string[] {
  const path = `${OPTION}.spread`
  if (!Array.isArray(value)) throw new TypeError(`${path} is ${show(value)}: write a list of shards.`)
  if (value.length === 0) return shards
  if (stored) throw new Error(`${path} is not allowed with a stored slot map, which names its own shards: remove it.`)
  return refuseTwins(value.map(name => parseKnownShard(name, shards, path)), path)
}

function resolveSlots(value: unknown, spread: readonly string[]): number {
  const slots = parseSlots(value, `${OPTION}.slots`)
  if (slots < spread.length) throw new TypeError(`${OPTION}.slots is ${slots}: write at least the number of shards, ${spread.length}.`)
  return slots
}

/**
 * Returns the settings with another stored slot map.
 *
 * @param text the map as JSON
 * @param path name of the map in errors
 * @throws Error when the JSON is not a slot map, or names a shard without an address
 */
export function withSlotMap(settings: ShardsSettings, text: string, path: string): ShardsSettings {
  return { ...settings, stored: true, slotMap: parseKnownMap(text, [...settings.map.keys()], path) }
}

function parseKnownMap(stored: unknown, shards: readonly string[], path: string): SlotMap {
  const map = parseSlotMap(stored, path)
  const unknown = map.shards.find(shard => !shards.includes(shard))
  if (unknown !== undefined) {
    throw new Error(`${path} contains the shard ${unknown}, which is missing in ${OPTION}.map: add it to ${OPTION}.map.`)
  }
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
    throw new TypeError(`${path}.${table} is ${show(column)}: write the name of the column with the id.`)
  }))
}

function resolveStoredMap({ slotMap, slots }: Complete<ShardsModuleOptions>, shards: readonly string[]): SlotMap {
  const map = parseKnownMap(slotMap, shards, `${OPTION}.slotMap`)
  const wanted = parseSlots(slots, `${OPTION}.slots`)
  if (wanted !== DEFAULT_SLOTS && wanted !== map.owners.length) {
    throw new Error(`${OPTION}.slots is ${wanted}, but the stored slot map has ${map.owners.length} slots, and this number must not change:`
      + ` remove ${OPTION}.slots.`)
  }
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
  throw new TypeError(`${OPTION}.defaultRegion is ${show(value)}, which is not a region:`
    + ` write a key of ${OPTION}.regions or the name of a shard.`)
}

function resolvePlaces(value: unknown, shards: readonly string[], path: string): ReadonlyMap<string, string> {
  const places = Object.entries(parseObject(value, path))
  return new Map(places.map(([name, shard]) => [name, parseKnownShard(shard, shards, `${path}.${name}`)]))
}
