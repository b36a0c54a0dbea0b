import type { SourcedValue } from './sourced-value'
import { isSet, wholeNumber } from './sourced-value'
import type { RedisTls } from './tls'

/** One server address. */
export interface RedisNode {
  host: string
  port: number
}

/** Default port of a server or a Cluster node. */
export const DEFAULT_PORT = 6379
/** Default port of a Sentinel. */
export const DEFAULT_SENTINEL_PORT = 26_379

/** Formats an address as `host:port`, with an IPv6 address in brackets. */
export function formatNode({ host, port }: RedisNode): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Combines a host option and a port option. @throws Error naming the option that is wrong */
export function parseHostAndPort(host: SourcedValue, port: SourcedValue | undefined): RedisNode {
  return {
    host: parseHost(host.value, host.label),
    port: port ? parsePort(port.value, port.label) : DEFAULT_PORT,
  }
}

/** Parses a TCP port. @throws Error unless it is a whole number from 1 to 65535 */
function parsePort(value: unknown, label: string): number {
  const port = wholeNumber(value)
  if (port === undefined || port < 1 || port > 65_535) {
    throw new Error(`${label} does not contain a valid port: write a whole number from 1 to 65535.`)
  }
  return port
}

/** Parses addresses from a list or from a string with commas. @throws Error unless it is a list in which every entry is an address */
export function parseNodes({ value, label }: SourcedValue, defaultPort: number): RedisNode[] {
  const entries = typeof value === 'string' ? value.split(',').filter(entry => entry.trim()) : value
  if (!Array.isArray(entries) || entries.length === 0) {
    throw new Error(`${label} is not a list of servers: write 'host:port,host:port' or [{ host, port }].`)
  }
  return entries.map((entry: unknown) => parseNode(entry, label, defaultPort))
}

/**
 * Parses the map from announced addresses to reachable addresses.
 *
 * @returns undefined when the map is empty or not set
 * @throws Error unless it is an object whose values are addresses
 */
export function parseNatMap(source: SourcedValue | undefined): Record<string, RedisNode> | undefined {
  if (!source) return undefined
  const { value, label } = source
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${label} is not a map: write { '10.0.0.1:6379': { host: 'redis.example.com', port: 6379 } }.`)
  }
  const entries = Object.entries(value as Record<string, unknown>)
  return entries.length === 0
    ? undefined
    : Object.fromEntries(entries.map(([address, node]) => [address, parseNode(node, label, DEFAULT_PORT)]))
}

/** Removes the brackets around an IPv6 address. */
function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, '')
}

function parseNode(entry: unknown, label: string, defaultPort: number): RedisNode {
  if (typeof entry === 'object' && entry !== null) {
    const { host, port } = entry as Partial<RedisNode>
    return { host: parseHost(host, label), port: parsePort(isSet(port) ? port : defaultPort, label) }
  }
  const match = /^(\[[^\]]+\]|[^:[\]\s/@]+)(?::(\d+))?$/.exec(String(entry).trim())
  if (!match) {
    throw new Error(`${label} contains an entry that is not an address: write each entry as host:port, without a protocol or a password.`)
  }
  return { host: parseHost(match[1], label), port: parsePort(match[2] ?? defaultPort, label) }
}

function parseHost(value: unknown, label: string): string {
  const host = typeof value === 'string' ? withoutBrackets(value.trim()) : ''
  if (!host || /[\s/@]/.test(host)) {
    throw new Error(`${label} is not a host: write only a name or an address, for example 10.0.0.1. For a URL, use scale.redis.url.`)
  }
  return host
}

/** The parts of a `redis://` or `rediss://` URL. */
export interface ConnectionUrl extends RedisNode {
  username: string | undefined
  password: string | undefined
  /** The path of the URL, not validated yet. */
  database: SourcedValue | undefined
  /** Present for `rediss://`. */
  tls: RedisTls | undefined
}

/**
 * Parses a connection URL. Errors never show any part of it, because each part of a malformed URL may be the password.
 *
 * @throws Error naming what is wrong with the URL
 */
export function parseConnectionUrl({ value, label }: SourcedValue): ConnectionUrl {
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
  if (!url.hostname) throw new Error(`${label} has no host: ${form}.`)
  if (url.search || url.hash) {
    throw new Error(
      `${label} has a part after '?' or '#', which the module does not read: move it to the options of scale.redis, or percent-encode it.`,
    )
  }
  const database = decode(url.pathname.slice(1), label)
  return {
    host: withoutBrackets(url.hostname),
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
