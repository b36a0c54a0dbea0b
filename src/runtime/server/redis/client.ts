import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis'
import { EVALSHA_AT_ONCE } from './script'
import type { RedisNode } from './address'
import { isReadOnlyReply, RedisTimeoutError } from './errors'
import type { RedisSettings } from './settings'
import { exponentialDelay } from '../core/backoff'
import { withDeadline } from '../core/deadline'
import { isCluster, connectedMasters } from './cluster'
import type { RedisClient } from './types'

/** The two constructors of ioredis, 5 or 6. */
export interface RedisLibrary {
  Redis: typeof Redis
  Cluster: typeof Cluster
}

/** Milliseconds for the TCP and TLS handshake of one attempt. */
export const CONNECT_TIMEOUT = 1000
/** Milliseconds until a socket that is closing is destroyed, because a silent peer never confirms the close. */
const LINGER = 100
/** Longest pause between two attempts to connect, in milliseconds. */
const LONGEST_RETRY_DELAY = 500
const SENTINEL_REPLY_TIMEOUT = 500
const SLOTS_REFRESH_TIMEOUT = 1000
const SLOTS_REFRESH_INTERVAL = 15_000
/** After this many failed attempts (about 2 s), the client drops a Cluster node and asks the start nodes again. */
const NODE_ATTEMPTS = 6

/** Creates the client for commands. The client connects at once. */
export function createClient(settings: RedisSettings, library: RedisLibrary): Redis | Cluster {
  return settings.kind === 'cluster'
    ? new library.Cluster(settings.nodes, clusterOptions(settings))
    : new library.Redis(serverOptions(settings))
}

/**
 * Creates a connection for subscriptions. It connects at once and reconnects, but it does not subscribe again by itself.
 *
 * @param node address of the node, on a Cluster only; a single server and Sentinels are found in the settings
 */
function createSubscriber(settings: RedisSettings, library: RedisLibrary, node?: RedisNode): Redis {
  return new library.Redis({
    ...serverOptions(settings),
    ...(settings.kind === 'cluster' ? { host: node!.host, port: node!.port } : {}),
    enableAutoPipelining: false,
  })
}

/** Milliseconds until the next attempt: growing and random, so that instances do not all reconnect at the same moment. */
function retryDelay(attempt: number): number {
  const ceiling = exponentialDelay(attempt - 1, { first: 50, longest: LONGEST_RETRY_DELAY })
  return Math.round(ceiling * (0.5 + Math.random() / 2))
}

/** Options that make calls fail fast: the client queues nothing while the connection is down and sends nothing twice. */
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
    // ioredis 6 uses RESP3 by default and loses some push messages with it. ioredis 5 ignores the option.
    protocol: 2,
  }
}

function serverOptions(settings: RedisSettings): RedisOptions {
  const options: RedisOptions = {
    ...commonOptions(settings),
    lazyConnect: false,
    retryStrategy: retryDelay,
    // A former master that is now a replica refuses writes. Reconnecting looks up the new master.
    reconnectOnError: isReadOnlyReply,
  }
  if (settings.kind === 'single') {
    return { ...options, host: settings.host, port: settings.port, db: settings.database }
  }
  if (settings.kind === 'cluster') return options
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
    // Despite its name, this option encrypts the connection to the master. `sentinelTLS` encrypts the connections to the Sentinels.
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
    // Without retries, a master that is lost for a moment leaves the pool, and a scan of all masters would skip it.
    clusterNodeRetryStrategy: attempt => attempt > NODE_ATTEMPTS ? null : retryDelay(attempt),
    slotsRefreshTimeout: SLOTS_REFRESH_TIMEOUT,
    slotsRefreshInterval: SLOTS_REFRESH_INTERVAL,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    maxRedirections: 8,
    natMap: settings.natMap,
    // Certificates contain host names, so the client must connect by name and not by a resolved address.
    ...(settings.tls ? { dnsLookup: (host, callback) => callback(null, host) } : {}),
  }
}

/** Milliseconds for QUIT, and the same again for closing the sockets. */
const QUIT_TIMEOUT = 300

/** Closes a client and its sockets: by QUIT if the server answers, otherwise by disconnecting. It never rejects. */
export async function closeClient(client: RedisClient): Promise<void> {
  if (client.status === 'end') return
  const parts = isCluster(client) ? [client, ...client.nodes()] : [client]
  const ended = Promise.all(parts.map(untilEnd))
  const hasQuit = client.status === 'ready' && await succeedsInTime(client.quit().then(() => ended))
  if (!hasQuit) {
    client.disconnect()
    await succeedsInTime(ended)
  }
}

function succeedsInTime(work: Promise<unknown>): Promise<boolean> {
  return withDeadline(work, QUIT_TIMEOUT, () => new RedisTimeoutError(QUIT_TIMEOUT)).then(() => true, () => false)
}

function untilEnd(client: RedisClient): Promise<void> {
  return new Promise((resolve) => {
    if (client.status === 'end') {
      resolve()
    }
    else {
      client.once('end', resolve)
    }
  })
}

/** The open connections for subscriptions. */
export interface Subscribers {
  /** Opens a connection. @param node its server; by default the server of the settings, or the first master of the Cluster */
  open: (node?: Redis) => Redis
  /** Returns the connections that are not closed. */
  list: () => Redis[]
}

export function createSubscribers(settings: RedisSettings, library: RedisLibrary, client: RedisClient): Subscribers {
  const subscribers = new Set<Redis>()
  return {
    open(node) {
      const subscriber = createSubscriber(settings, library, subscriberAddress(settings, client, node))
      subscribers.add(subscriber)
      // Without a listener, ioredis prints every failed attempt.
      subscriber.on('error', () => {})
      subscriber.once('end', () => subscribers.delete(subscriber))
      return subscriber
    },
    list: () => [...subscribers],
  }
}

/**
 * Returns the address for a subscription on a Cluster: that of `node`, else of the first master, else of the first start node.
 * Returns undefined without a Cluster, because the settings then contain the address.
 */
export function subscriberAddress(settings: RedisSettings, client: RedisClient, node?: Redis): RedisNode | undefined {
  if (settings.kind !== 'cluster') return undefined
  const options = (node ?? connectedMasters(client)[0])?.options
  return options?.host && options.port ? { host: options.host, port: options.port } : settings.nodes[0]!
}
