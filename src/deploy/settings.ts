import { parseDuration } from '../runtime/server/core/duration'
import { parseBytes, parseChoice, parseCount, parseSwitch } from '../runtime/server/core/settings'
import { compileTrustedAddresses } from '../runtime/server/core/trusted-addresses'
import type { PathPattern } from './checks'
import { parseFile, parseServerHost, parseImage, parseName, parseServerName, group } from './checks'
import type { KubernetesSettings, ReplicasSettings } from './cluster-settings'
import { parseKubernetes, parseInstances } from './cluster-settings'
import type { EdgeCacheSettings, EdgeLimitSettings } from './edge-settings'
import { parseCache, parsePaths, parseRateLimit } from './edge-settings'
import type { Balance, DeployModuleOptions, DeployServer, DeployTls } from './options'

/** One server behind the balancer. */
interface ServerSettings {
  host: string
  port: number
  weight: number
  backup: boolean
}

interface TlsSettings {
  /** Absent if the balancer obtains certificates itself. */
  files?: { certificate: string, key: string, bundle: string }
  /** `max-age` of `Strict-Transport-Security`, in seconds. 0 sends no header. */
  hsts: number
}

/** Validated `scale.deploy`. Times are in milliseconds. */
export interface DeploySettings {
  name: string
  /** In lower case. Undefined if the option is not set. */
  serverNames: readonly string[] | undefined
  servers: readonly ServerSettings[]
  balance: Balance
  tls: TlsSettings | undefined
  listen: { http: number, https: number, ipv6: boolean }
  trustedProxies: readonly string[]
  timeouts: { connect: number, send: number, read: number, stream: number }
  maxBodySize: number
  cache: EdgeCacheSettings | undefined
  rateLimit: EdgeLimitSettings | undefined
  streams: readonly PathPattern[]
  image: string
  /** Whether the option is set. */
  imageGiven: boolean
  port: number
  replicas: { web: ReplicasSettings, worker: ReplicasSettings }
  kubernetes: KubernetesSettings
}

const OPTION = 'scale.deploy'
const KEYS = [
  'name', 'serverName', 'servers', 'balance', 'tls', 'listen', 'trustedProxies', 'timeouts', 'maxBodySize', 'cache', 'rateLimit', 'streams',
  'image', 'port', 'replicas', 'kubernetes',
]
const MOST_WEIGHT = 100

/**
 * Validates `scale.deploy` and fills in the defaults.
 *
 * @param base prefix of every path of the app (`app.baseURL`), without a trailing slash
 * @throws Error that names the wrong option
 */
export function resolveDeploySettings(options: DeployModuleOptions = {}, base = ''): DeploySettings {
  const given = group(options, OPTION, KEYS) as DeployModuleOptions
  const name = parseName(given.name ?? 'app', `${OPTION}.name`)
  const balance = parseChoice(given.balance ?? 'round-robin', ['round-robin', 'least-conn', 'ip-hash', 'weighted'], `${OPTION}.balance`)
  const listen = group(given.listen, `${OPTION}.listen`, ['http', 'https', 'ipv6'])
  const replicas = group(given.replicas, `${OPTION}.replicas`, ['web', 'worker'])
  return {
    name,
    serverNames: given.serverName === undefined
      ? undefined
      : listOf([given.serverName].flat(), 'serverName', 'a domain')
          .map((host, index) => parseServerName(host, `${OPTION}.serverName${index > 0 ? `[${index}]` : ''}`)),
    servers: parseServers(given.servers ?? [{ host: '127.0.0.1' }], balance),
    balance,
    tls: parseTls(given.tls ?? false),
    listen: {
      http: parsePort(listen.http ?? 80, `${OPTION}.listen.http`),
      https: parsePort(listen.https ?? 443, `${OPTION}.listen.https`),
      ipv6: parseSwitch(listen.ipv6 ?? true, `${OPTION}.listen.ipv6`),
    },
    trustedProxies: parseProxies(given.trustedProxies ?? []),
    timeouts: parseTimeouts(given.timeouts),
    maxBodySize: parseBytes(given.maxBodySize ?? '10mb', `${OPTION}.maxBodySize`),
    cache: given.cache === undefined || given.cache === false ? undefined : parseCache(given.cache, name, base),
    rateLimit: given.rateLimit === undefined || given.rateLimit === false ? undefined : parseRateLimit(given.rateLimit, base),
    streams: parsePaths(given.streams ?? [], 'streams', base),
    image: parseImage(given.image ?? `${name}:latest`, `${OPTION}.image`),
    imageGiven: given.image !== undefined,
    port: parsePort(given.port ?? 3000, `${OPTION}.port`),
    replicas: {
      web: parseInstances(replicas.web, 'web', { min: 3, max: 10 }),
      worker: parseInstances(replicas.worker, 'worker', { min: 1, max: 4 }),
    },
    kubernetes: parseKubernetes(given.kubernetes, name),
  }
}

function listOf(value: unknown, option: string, wanted: string): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value
  throw new TypeError(`${OPTION}.${option} is ${JSON.stringify(value)}: write a list with at least ${wanted}.`)
}

function parsePort(value: unknown, path: string): number {
  const port = parseCount(value, path)
  if (port > 65_535) throw new TypeError(`${path} is ${port}: write a port from 1 to 65535.`)
  return port
}

function parseServers(value: unknown, balance: Balance): ServerSettings[] {
  const servers = listOf(value, 'servers', 'one server').map((server, index) => parseServer(server, `${OPTION}.servers[${index}]`))
  const seen = new Set<string>()
  for (const [index, { host, port, weight, backup }] of servers.entries()) {
    const path = `${OPTION}.servers[${index}]`
    if (seen.has(`${host} ${port}`)) {
      throw new Error(`${path} repeats the server ${host}:${port}: list it once, with a weight and balance: 'weighted'.`)
    }
    seen.add(`${host} ${port}`)
    if (weight !== 1 && balance === 'round-robin') {
      throw new Error(`${path}.weight is ${weight}, but ${OPTION}.balance is 'round-robin', which ignores weights: write balance: `
        + `'weighted'.`)
    }
    if (backup && balance === 'ip-hash') {
      throw new Error(`${path}.backup is true, but ${OPTION}.balance is 'ip-hash', which has no backup servers: write another balance.`)
    }
  }
  if (servers.every(({ backup }) => backup)) {
    throw new Error(`${OPTION}.servers are all backup servers: remove backup from at least one of them.`)
  }
  if (balance === 'weighted' && servers.every(({ weight }) => weight === 1)) {
    throw new Error(`${OPTION}.balance is 'weighted', but no server has a weight: write { host, weight: 3 }, or balance: 'round-robin'.`)
  }
  return servers
}

function parseServer(value: unknown, path: string): ServerSettings {
  const { host, port, weight, backup } = group(value, path, ['host', 'port', 'weight', 'backup'] satisfies (keyof DeployServer)[])
  const checked = parseCount(weight ?? 1, `${path}.weight`)
  if (checked > MOST_WEIGHT) throw new TypeError(`${path}.weight is ${checked}: write a whole number from 1 to ${MOST_WEIGHT}.`)
  return {
    host: parseServerHost(host, `${path}.host`),
    port: parsePort(port ?? 3000, `${path}.port`),
    weight: checked,
    backup: parseSwitch(backup ?? false, `${path}.backup`),
  }
}

function parseTls(value: unknown): TlsSettings | undefined {
  if (value === false) return undefined
  if (value === 'auto') return { hsts: 0 }
  const path = `${OPTION}.tls`
  const { certificate, key, bundle, hsts } = group(value, path, ['certificate', 'key', 'bundle', 'hsts'] satisfies (keyof DeployTls)[])
  const file = parseFile(certificate, `${path}.certificate`)
  return {
    files: {
      certificate: file,
      key: parseFile(key, `${path}.key`),
      bundle: bundle === undefined ? file : parseFile(bundle, `${path}.bundle`),
    },
    hsts: Math.floor(parseDuration(hsts as number | string ?? 0, `${path}.hsts`) / 1000),
  }
}

function parseProxies(value: unknown): readonly string[] {
  if (!Array.isArray(value)) {
    throw new TypeError(`${OPTION}.trustedProxies is ${JSON.stringify(value)}: write a list of addresses and ranges, such as `
      + `['10.0.0.0/8'].`)
  }
  compileTrustedAddresses(value, `${OPTION}.trustedProxies`)
  for (const proxy of value) {
    if (String(proxy).includes('%')) {
      throw new TypeError(`${OPTION}.trustedProxies contains ${JSON.stringify(proxy)}: write an address without a zone.`)
    }
  }
  return value.map(String)
}

function parseTimeouts(value: unknown): DeploySettings['timeouts'] {
  const defaults = { connect: '2s', send: '30s', read: '60s', stream: '1h' }
  const given = { ...defaults, ...group(value, `${OPTION}.timeouts`, Object.keys(defaults)) }
  const time = (name: keyof typeof defaults) => {
    const milliseconds = parseDuration(given[name], `${OPTION}.timeouts.${name}`)
    // nginx allows at most 75 seconds for a connection. No balancer accepts 0.
    const most = name === 'connect' ? 75_000 : 24 * 3_600_000
    if (milliseconds < 1 || milliseconds > most) {
      throw new TypeError(`${OPTION}.timeouts.${name} is ${JSON.stringify(given[name])}: write a time from '1ms' to '${most / 1000}s'.`)
    }
    return milliseconds
  }
  return { connect: time('connect'), send: time('send'), read: time('read'), stream: time('stream') }
}
