import { parseDuration } from '../duration'

/** One server address. */
export interface RedisNode {
  host: string
  port: number
}

/** What TLS needs beyond "on"; the same meaning as in Node's `tls.connect`. */
export interface RedisTls {
  ca?: string
  cert?: string
  key?: string
  servername?: string
  rejectUnauthorized?: boolean
}

/**
 * The `scale.redis` options as they arrive at run time. Every field may be `''`, which means "not set", and may
 * have another type than it was written in, because Nitro parses environment variables as JSON where it can.
 */
export interface RedisRuntimeOptions {
  url?: string
  host?: string
  port?: number | string
  username?: string
  password?: string
  db?: number | string
  tls?: boolean | string | RedisTls
  sentinels?: (Partial<RedisNode> | string)[] | string
  name?: string
  sentinelPassword?: string
  cluster?: (Partial<RedisNode> | string)[] | string | boolean
  prefix?: string
  commandTimeout?: number | string
  natMap?: Record<string, RedisNode> | string
}

interface CommonSettings {
  username: string | undefined
  password: string | undefined
  /** Present when the connection is encrypted. */
  tls: RedisTls | undefined
  /** First part of every key, without the trailing colon. */
  prefix: string
  /** Budget of one call in milliseconds. */
  commandTimeout: number
}

/** One server. */
export interface SingleRedisSettings extends CommonSettings, RedisNode {
  kind: 'single'
  database: number
}

/** A master that Sentinels name. */
export interface SentinelRedisSettings extends CommonSettings {
  kind: 'sentinel'
  sentinels: RedisNode[]
  /** Name of the master group. */
  name: string
  database: number
  sentinelPassword: string | undefined
  natMap: Record<string, RedisNode> | undefined
}

/** A Redis Cluster; `nodes` are where to start. */
export interface ClusterRedisSettings extends CommonSettings {
  kind: 'cluster'
  nodes: RedisNode[]
  natMap: Record<string, RedisNode> | undefined
}

/** Checked settings of the one connection. */
export type RedisSettings = SingleRedisSettings | SentinelRedisSettings | ClusterRedisSettings

/** A value with the name to use for it in an error. */
interface Sourced {
  value: unknown
  label: string
}

type Field = keyof RedisRuntimeOptions

/** The names that the fields have outside this module. `REDIS_CLUSTER` is a list or `true`. */
const PLAIN_NAMES: Partial<Record<Field, string>> = {
  url: 'REDIS_URL',
  host: 'REDIS_HOST',
  port: 'REDIS_PORT',
  username: 'REDIS_USERNAME',
  password: 'REDIS_PASSWORD',
  db: 'REDIS_DB',
  tls: 'REDIS_TLS',
  cluster: 'REDIS_CLUSTER',
  sentinels: 'REDIS_SENTINELS',
  name: 'REDIS_SENTINEL_NAME',
}

const DEFAULT_PORT = 6379
const DEFAULT_SENTINEL_PORT = 26_379
const DEFAULT_COMMAND_TIMEOUT = '250ms'
const LONGEST_COMMAND_TIMEOUT = 60_000

/**
 * Decides which Redis to use, from the run-time options first and the plain environment names second.
 *
 * The topology (`cluster`, else `sentinels`, else `url`, else `host`) comes whole from the first place that names
 * one; the other fields fall back one by one, and parts of the URL stand between the two.
 *
 * @param options `runtimeConfig.scale.redis`, already overridden by `NUXT_SCALE_REDIS_*`
 * @param env the environment of the process
 * @returns undefined when no Redis is configured
 * @throws Error one sentence that names the option and, where it came from there, the environment variable
 */
export function resolveRedisSettings(options: RedisRuntimeOptions, env: NodeJS.ProcessEnv): RedisSettings | undefined {
  const sources = createSources(options, env)
  const topology = findTopology(sources)
  const name = sources.either('name')
  if (!topology) {
    if (name) {
      throw new Error(`${name.label} is set without sentinels: add scale.redis.sentinels (REDIS_SENTINELS) or remove the name.`)
    }
    return undefined
  }

  const url = topology.url && parseUrl(topology.url)
  const common: CommonSettings = {
    username: text(sources.option('username')) ?? url?.username ?? text(sources.plain('username')),
    password: text(sources.option('password')) ?? url?.password ?? text(sources.plain('password')),
    tls: resolveTls(sources, url),
    prefix: parsePrefix(sources.option('prefix')),
    commandTimeout: parseCommandTimeout(sources.option('commandTimeout')),
  }
  const database = parseDatabase(sources.option('db') ?? url?.database ?? sources.plain('db'))
  const natMap = parseNatMap(sources.option('natMap'))
  const single = (): RedisNode => url ? { host: url.host, port: url.port } : parseHostAndPort(topology, sources)

  if (topology.kind === 'sentinel') {
    if (!name) {
      throw new Error(`${topology.list!.label} is set without a master name: add scale.redis.name (REDIS_SENTINEL_NAME), for example 'mymaster'.`)
    }
    const sentinels = parseNodes(topology.list!, DEFAULT_SENTINEL_PORT)
    return { kind: 'sentinel', ...common, sentinels, name: String(name.value), database, sentinelPassword: text(sources.option('sentinelPassword')), natMap }
  }
  if (name) {
    throw new Error(`${name.label} is set without sentinels: add scale.redis.sentinels (REDIS_SENTINELS) or remove the name.`)
  }
  if (topology.kind === 'cluster') {
    if (database !== 0) {
      throw new Error(`${(sources.option('db') ?? url?.database ?? sources.plain('db'))!.label} is ${database}: a Redis Cluster has database 0 only, so remove it.`)
    }
    const nodes = topology.list ? parseNodes(topology.list, DEFAULT_PORT) : [single()]
    return { kind: 'cluster', ...common, nodes, natMap }
  }
  return { kind: 'single', ...common, ...single(), database }
}

/** Address of the settings for a log line: never a user name, a password or a key. */
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

function formatNode({ host, port }: RedisNode): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

interface Sources {
  /** The field from the options or its `NUXT_SCALE_REDIS_*` name. */
  option: (field: Field) => Sourced | undefined
  /** The field from its plain name. */
  plain: (field: Field) => Sourced | undefined
  /** The first of the two. */
  either: (field: Field) => Sourced | undefined
}

function createSources(options: RedisRuntimeOptions, env: NodeJS.ProcessEnv): Sources {
  const option = (field: Field): Sourced | undefined => {
    const variable = `NUXT_SCALE_REDIS_${field.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`
    const value = options[field]
    const raw = env[variable]
    if (raw && (value === null || typeof value !== 'object')) {
      // The text itself, because the parsed value of a password such as 1e5 or null is another password.
      return { value: raw, label: `scale.redis.${field} (${variable})` }
    }
    return isSet(value) ? { value, label: raw ? `scale.redis.${field} (${variable})` : `scale.redis.${field}` } : undefined
  }
  const plain = (field: Field): Sourced | undefined => {
    const variable = PLAIN_NAMES[field]
    const value = variable && env[variable]
    // Kubernetes sets REDIS_PORT to tcp://… in every pod that shares a namespace with a service called redis.
    if (!value || (field === 'port' && value.startsWith('tcp://'))) {
      return undefined
    }
    return { value, label: `scale.redis.${field} (${variable})` }
  }
  return { option, plain, either: field => option(field) ?? plain(field) }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0)
}

interface Topology {
  kind: 'single' | 'sentinel' | 'cluster'
  /** The servers, when they come as a list. */
  list?: Sourced
  url?: Sourced
  host?: Sourced
}

function findTopology(sources: Sources): Topology | undefined {
  return topologyOf(sources.option, sources) ?? topologyOf(sources.plain, sources)
}

function topologyOf(level: Sources['option'], sources: Sources): Topology | undefined {
  const cluster = level('cluster')
  const clusterFlag = cluster && parseFlag(cluster.value)
  const sentinels = level('sentinels')
  if (cluster && clusterFlag !== false && sentinels) {
    throw new Error(`${cluster.label} and ${sentinels.label} are both set: keep the one that you run.`)
  }
  if (cluster && clusterFlag === undefined) {
    return { kind: 'cluster', list: cluster }
  }
  if (sentinels) {
    return { kind: 'sentinel', list: sentinels }
  }
  const near = addressOf(level)
  if (clusterFlag) {
    const start = near ?? addressOf(sources.either)
    if (!start) {
      throw new Error(`${cluster!.label} is true without an address: list the nodes as 'host:port,host:port' or add scale.redis.url (REDIS_URL).`)
    }
    return { kind: 'cluster', ...start }
  }
  if (!near) {
    return undefined
  }
  const isCluster = !cluster && parseFlag(sources.plain('cluster')?.value) === true
  return { kind: isCluster ? 'cluster' : 'single', ...near }
}

function addressOf(level: Sources['option']): { url?: Sourced, host?: Sourced } | undefined {
  const url = level('url')
  if (url) {
    return { url }
  }
  const host = level('host')
  return host && { host }
}

function parseFlag(value: unknown): boolean | undefined {
  if (value === true || value === 1 || value === 'true' || value === '1') {
    return true
  }
  if (value === false || value === 0 || value === 'false' || value === '0') {
    return false
  }
  return undefined
}

function text(source: Sourced | undefined): string | undefined {
  return source && String(source.value)
}

interface ParsedUrl extends RedisNode {
  username: string | undefined
  password: string | undefined
  database: Sourced | undefined
  tls: RedisTls | undefined
}

/** Nothing of the URL is echoed in an error: any part of a malformed one may be the password. */
function parseUrl({ value, label }: Sourced): ParsedUrl {
  const form = 'write redis://host:6379/0, or rediss:// for TLS, with special characters of the password percent-encoded'
  let url: URL
  try {
    url = new URL(String(value))
  }
  catch {
    throw new Error(`${label} is not a valid URL: ${form}.`)
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new Error(`${label} has an unknown protocol: ${form}.`)
  }
  if (!url.hostname) {
    throw new Error(`${label} has no host: ${form}.`)
  }
  if (url.search || url.hash) {
    throw new Error(`${label} has a part after '?' or '#', which is not read: move it to the options of scale.redis, or percent-encode it.`)
  }
  const database = decode(url.pathname.slice(1), label)
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: parsePort(url.port || DEFAULT_PORT, label),
    username: decode(url.username, label) || undefined,
    password: decode(url.password, label) || undefined,
    database: database ? { value: database, label } : undefined,
    tls: url.protocol === 'rediss:' ? {} : undefined,
  }
}

function decode(part: string, label: string): string {
  try {
    return decodeURIComponent(part)
  }
  catch {
    throw new Error(`${label} has a '%' that is not part of a percent-encoding: write it as %25.`)
  }
}

function parseHostAndPort(topology: Topology, sources: Sources): RedisNode {
  const host = topology.host!
  const port = sources.either('port')
  return {
    host: parseHost(host.value, host.label),
    port: port ? parsePort(port.value, port.label) : DEFAULT_PORT,
  }
}

function parseHost(value: unknown, label: string): string {
  const host = typeof value === 'string' ? value.trim().replace(/^\[|\]$/g, '') : ''
  if (!host || /[\s/@]/.test(host)) {
    throw new Error(`${label} is not a host: write a name or an address alone, for example 10.0.0.1, and use scale.redis.url for a URL.`)
  }
  return host
}

function parsePort(value: unknown, label: string): number {
  const port = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`${label} has no valid port: write a whole number from 1 to 65535.`)
  }
  return port
}

function parseDatabase(source: Sourced | undefined): number {
  if (!source) {
    return 0
  }
  const { value, label } = source
  const database = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value
  if (typeof database !== 'number' || !Number.isInteger(database) || database < 0) {
    throw new Error(`${label} has no valid database: write a whole number from 0, as in redis://host:6379/1.`)
  }
  return database
}

function parseNodes({ value, label }: Sourced, defaultPort: number): RedisNode[] {
  const entries = typeof value === 'string' ? value.split(',').filter(entry => entry.trim()) : value
  if (!Array.isArray(entries) || entries.length === 0) {
    throw new Error(`${label} is not a list of servers: write 'host:port,host:port' or [{ host, port }].`)
  }
  return entries.map((entry: unknown) => parseNode(entry, label, defaultPort))
}

function parseNode(entry: unknown, label: string, defaultPort: number): RedisNode {
  if (typeof entry === 'object' && entry !== null) {
    const { host, port } = entry as Partial<RedisNode>
    return { host: parseHost(host, label), port: parsePort(isSet(port) ? port : defaultPort, label) }
  }
  const match = /^(\[[^\]]+\]|[^:[\]\s/@]+)(?::(\d+))?$/.exec(String(entry).trim())
  if (!match) {
    throw new Error(`${label} has an entry that is not an address: write each as host:port, without a protocol or a password.`)
  }
  return { host: parseHost(match[1], label), port: parsePort(match[2] ?? defaultPort, label) }
}

function resolveTls(sources: Sources, url: ParsedUrl | undefined): RedisTls | undefined {
  const option = parseTls(sources.option('tls'))
  if (option) {
    return option
  }
  if (url?.tls) {
    return url.tls
  }
  return (option ?? parseTls(sources.plain('tls'))) || undefined
}

/** False when it is turned off in so many words, undefined when nothing is said. */
function parseTls(source: Sourced | undefined): RedisTls | false | undefined {
  if (!source) {
    return undefined
  }
  const { value, label } = source
  const flag = parseFlag(value)
  if (flag !== undefined) {
    return flag && {}
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${label} is not a switch: write true, false or { ca, cert, key, servername, rejectUnauthorized }.`)
  }
  const fields = Object.entries(value as RedisTls)
  const given = fields.filter(([, field]) => isSet(field))
  // A block of empty fields is the shape that run-time configuration has when nobody filled it in.
  return fields.length > 0 && given.length === 0 ? undefined : Object.fromEntries(given)
}

function parsePrefix(source: Sourced | undefined): string {
  if (!source) {
    return 'scale'
  }
  const prefix = String(source.value).replace(/:+$/, '')
  if (!prefix.trim()) {
    throw new Error(`${source.label} is empty: write a word such as 'shop', or leave it out for 'scale'.`)
  }
  if (/[\s{}]/.test(prefix)) {
    throw new Error(`${source.label} is ${JSON.stringify(prefix)}: leave out braces, which pin keys to one Cluster slot, and white space.`)
  }
  return prefix
}

function parseCommandTimeout(source: Sourced | undefined): number {
  const { value, label } = source ?? { value: DEFAULT_COMMAND_TIMEOUT, label: 'scale.redis.commandTimeout' }
  const milliseconds = parseDuration(value as number | string, label)
  if (milliseconds < 1 || milliseconds > LONGEST_COMMAND_TIMEOUT) {
    throw new Error(`${label} is ${JSON.stringify(value)}: write a time from '1ms' to '60s' (a plain number is seconds).`)
  }
  return milliseconds
}

function parseNatMap(source: Sourced | undefined): Record<string, RedisNode> | undefined {
  if (!source) {
    return undefined
  }
  const { value, label } = source
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${label} is not a map: write { '10.0.0.1:6379': { host: 'redis.example.com', port: 6379 } }.`)
  }
  const entries = Object.entries(value as Record<string, unknown>)
  return entries.length === 0
    ? undefined
    : Object.fromEntries(entries.map(([address, node]) => [address, parseNode(node, label, DEFAULT_PORT)]))
}
