import { parseDuration } from '../core/duration'
import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { readSwitch } from '../core/settings'
import type { RedisNode } from './address'
import { DEFAULT_PORT, DEFAULT_SENTINEL_PORT, parseHostAndPort, parseNatMap, parseNodes, parseConnectionUrl, formatNode } from './address'
import { createOptionSources } from './option-sources'
import type { RedisRuntimeOptions } from './runtime-options'
import { redisDefaults } from './runtime-options'
import type { SourcedValue } from './sourced-value'
import { textOf, wholeNumber } from './sourced-value'
import type { RedisTls } from './tls'
import { resolveTls } from './tls'
import type { FieldLookup, OptionSources } from './option-sources'

interface CommonSettings {
  username: string | undefined
  password: string | undefined
  /** Present when the connection is encrypted. */
  tls: RedisTls | undefined
  /** First part of every key, without the trailing colon. */
  prefix: string
  /** Longest time of one call in milliseconds. */
  commandTimeout: number
}

/** Settings for a single server. */
interface SingleRedisSettings extends CommonSettings, RedisNode {
  kind: 'single'
  database: number
}

/** Settings for a master that the client finds through Sentinels. */
interface SentinelRedisSettings extends CommonSettings {
  kind: 'sentinel'
  sentinels: RedisNode[]
  /** Name of the master group. */
  name: string
  database: number
  sentinelPassword: string | undefined
  natMap: Record<string, RedisNode> | undefined
}

/** Settings for a Redis Cluster. The client starts at `nodes` and finds the others. */
interface ClusterRedisSettings extends CommonSettings {
  kind: 'cluster'
  nodes: RedisNode[]
  natMap: Record<string, RedisNode> | undefined
}

/** Validated settings of the shared connection. */
export type RedisSettings = SingleRedisSettings | SentinelRedisSettings | ClusterRedisSettings

const LONGEST_COMMAND_TIMEOUT = 60_000

/**
 * The options of `scale.redis`, and the choice which Redis to use. Options come first, plain environment variables such as `REDIS_URL`
 * second. The settings are undefined if no Redis is configured.
 *
 * The address (`cluster`, else `sentinels`, else `url`, else `host`) comes from one of these places only: the first
 * that has an address. Each other field is looked up separately: in the options, then in the URL, then in its plain variable.
 * An error names the option, and the environment variable if the value came from one.
 */
export const redisSettings = defineSettings({ path: 'scale.redis', defaults: redisDefaults, resolve: resolveRedis })

/** @param env the environment of the process; the build has none */
function resolveRedis(options: Complete<RedisRuntimeOptions>, env: NodeJS.ProcessEnv = {}): RedisSettings | undefined {
  const { option, plain, either } = createOptionSources(options, env)
  const topology = findTopology({ option, plain, either })
  const name = either('name')
  if (!topology) {
    refuseSentinelName(name)
    return undefined
  }

  const url = topology.url && parseConnectionUrl(topology.url)
  const common: CommonSettings = {
    username: textOf(option('username')) ?? url?.username ?? textOf(plain('username')),
    password: textOf(option('password')) ?? url?.password ?? textOf(plain('password')),
    tls: resolveTls(option('tls'), url?.tls, plain('tls')),
    prefix: parsePrefix(option('prefix')),
    commandTimeout: parseCommandTimeout(option('commandTimeout')),
  }
  const databaseSource = option('db') ?? url?.database ?? plain('db')
  const database = parseDatabase(databaseSource)
  const natMap = parseNatMap(option('natMap'))

  if (topology.kind === 'sentinel') {
    if (!name) {
      throw new Error(
        `${topology.list!.label} is set without a master name: add scale.redis.name (REDIS_SENTINEL_NAME), for example 'mymaster'.`,
      )
    }
    return {
      kind: 'sentinel',
      ...common,
      sentinels: parseNodes(topology.list!, DEFAULT_SENTINEL_PORT),
      name: String(name.value),
      database,
      sentinelPassword: textOf(option('sentinelPassword')),
      natMap,
    }
  }
  refuseSentinelName(name)
  const startNode = (): RedisNode => url ? { host: url.host, port: url.port } : parseHostAndPort(topology.host!, either('port'))
  if (topology.kind === 'cluster') {
    if (database !== 0) {
      throw new Error(`${databaseSource!.label} is ${database}: a Redis Cluster has database 0 only, so remove it.`)
    }
    const nodes = topology.list ? parseNodes(topology.list, DEFAULT_PORT) : [startNode()]
    return { kind: 'cluster', ...common, nodes, natMap }
  }
  return { kind: 'single', ...common, ...startNode(), database }
}

function refuseSentinelName(name: SourcedValue | undefined): void {
  if (name) {
    throw new Error(`${name.label} is set without sentinels: add scale.redis.sentinels (REDIS_SENTINELS) or remove the name.`)
  }
}

function parseDatabase(source: SourcedValue | undefined): number {
  if (!source) return 0
  const database = wholeNumber(source.value)
  if (database === undefined) {
    throw new Error(`${source.label} does not contain a valid database number: write a whole number from 0, as in redis://host:6379/1.`)
  }
  return database
}

function parsePrefix(source: SourcedValue | undefined): string {
  if (!source) return redisDefaults.prefix
  const prefix = String(source.value).replace(/:+$/, '')
  if (!prefix.trim()) {
    throw new Error(`${source.label} is empty: write a prefix such as 'shop', or remove it to use '${redisDefaults.prefix}'.`)
  }
  if (/[\s{}]/.test(prefix)) {
    throw new Error(
      `${source.label} is ${JSON.stringify(prefix)}: `
      + 'remove white space, and remove braces because they would put all keys into one Cluster slot.',
    )
  }
  return prefix
}

function parseCommandTimeout(source: SourcedValue | undefined): number {
  const { value, label } = source ?? { value: redisDefaults.commandTimeout, label: 'scale.redis.commandTimeout' }
  const milliseconds = parseDuration(value as number | string, label)
  if (milliseconds < 1 || milliseconds > LONGEST_COMMAND_TIMEOUT) {
    throw new Error(`${label} is ${JSON.stringify(value)}: write a time from '1ms' to '60s' (a plain number is seconds).`)
  }
  return milliseconds
}

/** The kind of Redis deployment, and the values that contain its address. */
interface Topology {
  kind: 'single' | 'sentinel' | 'cluster'
  /** The servers, if they are given as a list. */
  list?: SourcedValue
  url?: SourcedValue
  host?: SourcedValue
}

/**
 * Finds the topology: `cluster`, else `sentinels`, else `url`, else `host`.
 * It comes from the options if they contain an address, otherwise from the plain variables. The two are not mixed.
 *
 * @returns undefined when no Redis is configured
 * @throws Error if both Sentinels and a Cluster are set, or if a Cluster has no address
 */
function findTopology(sources: OptionSources): Topology | undefined {
  return topologyOf(sources.option, sources) ?? topologyOf(sources.plain, sources)
}

function topologyOf(level: FieldLookup, sources: OptionSources): Topology | undefined {
  const cluster = level('cluster')
  const clusterFlag = cluster && readSwitch(cluster.value)
  const sentinels = level('sentinels')
  if (cluster && clusterFlag !== false && sentinels) {
    throw new Error(`${cluster.label} and ${sentinels.label} are both set: keep only the one that you run.`)
  }
  if (cluster && clusterFlag === undefined) return { kind: 'cluster', list: cluster }
  if (sentinels) return { kind: 'sentinel', list: sentinels }
  const near = addressOf(level)
  if (clusterFlag) {
    const start = near ?? addressOf(sources.either)
    if (!start) {
      throw new Error(
        `${cluster!.label} is true, but there is no address: list the nodes as 'host:port,host:port', or add scale.redis.url (REDIS_URL).`,
      )
    }
    return { kind: 'cluster', ...start }
  }
  if (!near) return undefined
  const isCluster = !cluster && readSwitch(sources.plain('cluster')?.value) === true
  return { kind: isCluster ? 'cluster' : 'single', ...near }
}

function addressOf(level: FieldLookup): Pick<Topology, 'url' | 'host'> | undefined {
  const url = level('url')
  if (url) return { url }
  const host = level('host')
  return host && { host }
}

/** Formats the address for a log line, without the user name, the password and the TLS key. */
export function describeRedis(settings: RedisSettings): string {
  const secure = settings.tls ? 's' : ''
  if (settings.kind === 'sentinel') {
    return `redis${secure}+sentinel://${settings.sentinels.map(formatNode).join(',')}/${settings.name}/${settings.database}`
  }
  if (settings.kind === 'cluster') {
    return `redis${secure}+cluster://${settings.nodes.map(formatNode).join(',')}`
  }
  return `redis${secure}://${formatNode(settings)}/${settings.database}`
}
