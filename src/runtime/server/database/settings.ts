import type { Duration } from '../cache/types'
import { addressesOf, addressOf, checkAddress, isName, parseReplicas } from '../database-address'
import { LONGEST_TIMER } from '../deadline'
import { parseDuration } from '../duration'
import { parseCount, readSwitch, refuseUnknownKeys } from '../settings'

/** `scale.database`: the clients of all databases, under one budget. Each value can be set where the server starts, as `NUXT_SCALE_DATABASE_<NAME>`. */
export interface DatabaseModuleOptions {
  /**
   * The default database: the name of an environment variable that holds its address, or the address itself. Without an address the server
   * does not start, unless `scale.tenancy` or `scale.shards` is on. `false`: there is no default database, because all calls name theirs.
   * @default 'DATABASE_URL'
   * @env NUXT_SCALE_DATABASE_URL
   */
  url?: false | string
  /** The bounds of each client. */
  pool?: DatabasePoolOptions
  /**
   * Most clients at a time.
   * @default 50
   * @env NUXT_SCALE_DATABASE_MAX_CLIENTS
   */
  maxClients?: number
  /**
   * Most connections of this process, over all clients. The database servers see this number times the count of instances.
   * A client counts with `pool.max`, so 20 connections are six clients of 3.
   * @default 20
   * @env NUXT_SCALE_DATABASE_MAX_CONNECTIONS
   */
  maxConnections?: number
  /**
   * How long a request waits for a database that has stopped answering, before it is a 503. A request that has begun its response is left alone,
   * and so is one whose database answers, however long its queries take. `false`: a request may wait for ever.
   * @default '15s'
   * @env NUXT_SCALE_DATABASE_ANSWER_TIMEOUT
   */
  answerTimeout?: false | Duration
  /**
   * How long a client that nobody uses is kept. The default database's is kept for good.
   * @default '60s'
   * @env NUXT_SCALE_DATABASE_IDLE_TIMEOUT
   */
  idleTimeout?: Duration
  /**
   * Read replicas of the default database: names of environment variables, or addresses. From the environment, separated by commas.
   * @default []
   * @env NUXT_SCALE_DATABASE_REPLICAS
   */
  replicas?: string | string[]
}

export interface DatabasePoolOptions {
  /**
   * Most connections of one client.
   * @default 3
   * @env NUXT_SCALE_DATABASE_POOL_MAX
   */
  max?: number
  /**
   * How long a call waits for a client, and a query for a connection, before it is a 503.
   * @default '5s'
   * @env NUXT_SCALE_DATABASE_POOL_ACQUIRE_TIMEOUT
   */
  acquireTimeout?: Duration
}

/** The options as the feature uses them. All times in milliseconds. */
export interface DatabaseSettings {
  /** The address, or undefined when the environment holds none. */
  url: string | undefined
  /** What to name when there is no address. */
  source: string
  /** False: the app says that it has no default database. */
  hasDefault: boolean
  pool: { max: number, acquireTimeout: number }
  maxClients: number
  maxConnections: number
  /** Undefined: nobody is given up. */
  answerTimeout: number | undefined
  idleTimeout: number
  replicas: string[]
}

export const databaseDefaults = {
  url: 'DATABASE_URL',
  pool: { max: 3, acquireTimeout: '5s' },
  maxClients: 50,
  maxConnections: 20,
  answerTimeout: '15s',
  idleTimeout: '60s',
  replicas: [] as string[],
} as const satisfies DatabaseModuleOptions

/**
 * Checks `scale.database`. Runs at build without an environment, and again at boot with it.
 *
 * @throws Error naming the option that is wrong
 */
export function resolveDatabaseSettings(options: DatabaseModuleOptions = {}, env: NodeJS.ProcessEnv = {}): DatabaseSettings {
  const path = 'scale.database'
  refuseUnknownKeys(options, Object.keys(databaseDefaults), path)
  const given = { ...databaseDefaults, ...options }
  if (typeof given.pool !== 'object' || given.pool === null) throw new TypeError(`${path}.pool is no object: write { max: 3, acquireTimeout: '5s' }.`)
  refuseUnknownKeys(given.pool, Object.keys(databaseDefaults.pool), `${path}.pool`)
  const pool = { ...databaseDefaults.pool, ...given.pool }
  const max = parseCount(pool.max, `${path}.pool.max`)
  const maxConnections = parseCount(given.maxConnections, `${path}.maxConnections`)
  if (max > maxConnections) throw new TypeError(`${path}.pool.max is ${max}, and maxConnections is ${maxConnections}: write a budget in which one client has space.`)
  const source = readSwitch(given.url) === false ? '' : checkAddress(given.url, `${path}.url`)
  return {
    url: addressOf(source, env),
    source: isName(source) ? source : `${path}.url`,
    hasDefault: readSwitch(given.url) !== false,
    pool: { max, acquireTimeout: parseTime(pool.acquireTimeout, `${path}.pool.acquireTimeout`) },
    maxClients: parseCount(given.maxClients, `${path}.maxClients`),
    maxConnections,
    answerTimeout: readSwitch(given.answerTimeout) === false ? undefined : parseTime(given.answerTimeout as Duration, `${path}.answerTimeout`),
    idleTimeout: parseTime(given.idleTimeout, `${path}.idleTimeout`),
    replicas: addressesOf(parseReplicas(given.replicas, `${path}.replicas`), env),
  }
}

function parseTime(value: number | string, path: string): number {
  const milliseconds = parseDuration(value, path)
  if (milliseconds < 1 || milliseconds > LONGEST_TIMER) throw new TypeError(`${path} is ${JSON.stringify(value)}: write a time from '1ms' to '24d'.`)
  return milliseconds
}
