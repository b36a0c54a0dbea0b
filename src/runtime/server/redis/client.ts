import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis'
import { EVALSHA_AT_ONCE } from '../redis-script'
import type { RedisNode } from './address'
import { isReadOnlyReply } from './errors'
import type { RedisSettings } from './settings'

/** The two constructors of ioredis, 5 or 6. */
export interface RedisLibrary {
  Redis: typeof Redis
  Cluster: typeof Cluster
}

/** Milliseconds for the TCP and TLS handshake of one attempt. */
export const CONNECT_TIMEOUT = 1000
/** Milliseconds that a closed socket may linger: a silent peer never answers the goodbye. */
const LINGER = 100
/** Milliseconds between two attempts to connect, at most. */
const LONGEST_RETRY_DELAY = 500
const SENTINEL_REPLY_TIMEOUT = 500
const SLOTS_REFRESH_TIMEOUT = 1000
const SLOTS_REFRESH_INTERVAL = 15_000
/** After so many failed attempts, about 2 s, a Cluster node is dropped and the start nodes are asked again. */
const NODE_ATTEMPTS = 6

/** Creates the client for commands; it connects at once. */
export function createClient(settings: RedisSettings, library: RedisLibrary): Redis | Cluster {
  return settings.kind === 'cluster'
    ? new library.Cluster(settings.nodes, clusterOptions(settings))
    : new library.Redis(serverOptions(settings))
}

/**
 * Creates a connection for subscriptions; it connects at once and reconnects, but never subscribes again by itself.
 * On a Cluster `node` is the address; one server and Sentinel find theirs in the settings.
 */
export function createSubscriber(settings: RedisSettings, library: RedisLibrary, node?: RedisNode): Redis {
  return new library.Redis({
    ...serverOptions(settings),
    ...(settings.kind === 'cluster' ? { host: node!.host, port: node!.port } : {}),
    enableAutoPipelining: false,
  })
}

/** Short, growing and scattered, so that a fleet does not storm a server that comes back. */
function retryDelay(attempt: number): number {
  const ceiling = Math.min(50 * 2 ** Math.min(attempt - 1, 10), LONGEST_RETRY_DELAY)
  return Math.round(ceiling * (0.5 + Math.random() / 2))
}

/** Fail fast: nothing is queued while the connection is down and nothing is sent twice. */
function commonOptions(settings: RedisSettings): RedisOptions & { protocol: 2 } {
  return {
    username: settings.username,
    password: settings.password,
    tls: settings.tls && { ...settings.tls },
    connectTimeout: CONNECT_TIMEOUT,
    disconnectTimeout: LINGER,
    maxLoadingRetryTime: LONGEST_RETRY_DELAY,
    keepAlive: 10_000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    autoPipeliningIgnoredCommands: [EVALSHA_AT_ONCE],
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // ioredis 6 speaks RESP3 by default, over which it loses some pushes; ioredis 5 does not know the option.
    protocol: 2,
  }
}

function serverOptions(settings: RedisSettings): RedisOptions {
  const options: RedisOptions = {
    ...commonOptions(settings),
    lazyConnect: false,
    retryStrategy: retryDelay,
    // A replica that was the master refuses writes until somebody looks up the master again.
    reconnectOnError: isReadOnlyReply,
  }
  if (settings.kind === 'single') {
    return { ...options, host: settings.host, port: settings.port, db: settings.database }
  }
  if (settings.kind === 'cluster') {
    return options
  }
  return {
    ...options,
    db: settings.database,
    sentinels: settings.sentinels,
    name: settings.name,
    role: 'master',
    natMap: settings.natMap,
    sentinelPassword: settings.sentinelPassword,
    sentinelRetryStrategy: retryDelay,
    sentinelCommandTimeout: SENTINEL_REPLY_TIMEOUT,
    // Despite its name this option encrypts the connection to the master; the other one that to the Sentinels.
    enableTLSForSentinelMode: settings.tls !== undefined,
    sentinelTLS: settings.tls && { ...settings.tls },
  }
}

function clusterOptions(settings: RedisSettings & { kind: 'cluster' }): ClusterOptions {
  return {
    redisOptions: commonOptions(settings),
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    clusterRetryStrategy: retryDelay,
    // Without it a master that is lost for a moment leaves the pool, and a scan over all masters would skip it.
    clusterNodeRetryStrategy: attempt => attempt > NODE_ATTEMPTS ? null : retryDelay(attempt),
    slotsRefreshTimeout: SLOTS_REFRESH_TIMEOUT,
    slotsRefreshInterval: SLOTS_REFRESH_INTERVAL,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    maxRedirections: 8,
    natMap: settings.natMap,
    // A certificate names hosts, and looking the address up first would lose the name.
    ...(settings.tls ? { dnsLookup: (host, callback) => callback(null, host) } : {}),
  }
}
