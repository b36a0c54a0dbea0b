import type { Duration } from '../core/duration'
import { addressesOf, addressOf, checkAddress, isName, parseReplicas } from '../core/database-address'
import { LONGEST_TIMER } from '../core/deadline'
import { parseDuration } from '../core/duration'
import type { Complete } from '../core/feature-settings'
import { defineSettings } from '../core/feature-settings'
import { parseCount, readSwitch } from '../core/settings'

/**
 * `scale.database`: one limit on clients and connections for all databases of a process.
 * Each value can also be set where the server starts, as `NUXT_SCALE_DATABASE_<NAME>`.
 */
export interface DatabaseModuleOptions {
  /**
   * Address of the default database: the name of an environment variable that contains it, or the address itself.
   * Without an address the server does not start, unless `scale.tenancy` or `scale.shards` is on.
   * Write `false` if the app has no default database because every call names its database.
   * @default 'DATABASE_URL'
   * @env NUXT_SCALE_DATABASE_URL
   */
  url?: false | string
  /** Limits of each client. */
  pool?: DatabasePoolOptions
  /**
   * Most clients of this process at the same time.
   * @default 50
   * @env NUXT_SCALE_DATABASE_MAX_CLIENTS
   */
  maxClients?: number
  /**
   * Most connections of this process, over all clients. The database servers get up to this number for each instance.
   * Each client counts as `pool.max` connections: with `pool.max: 3`, 20 connections allow six clients.
   * @default 20
   * @env NUXT_SCALE_DATABASE_MAX_CONNECTIONS
   */
  maxConnections?: number
  /**
   * How long a request waits for a database that has stopped answering before the request gets 503. Plain numbers are seconds.
   * A slow query is not cut off while its database still answers a test query, and neither is a request whose response has begun.
   * With `false`, a request may wait forever.
   * @default '15s'
   * @env NUXT_SCALE_DATABASE_ANSWER_TIMEOUT
   */
  answerTimeout?: false | Duration
  /**
   * How long an unused client of a tenant stays open. Plain numbers are seconds.
   * Clients of the default database and of shards always stay open.
   * @default '60s'
   * @env NUXT_SCALE_DATABASE_IDLE_TIMEOUT
   */
  idleTimeout?: Duration
  /**
   * Read replicas of the default database: names of environment variables, or addresses. In a string, separate them with commas.
   * @default []
   * @env NUXT_SCALE_DATABASE_REPLICAS
   */
  replicas?: string | string[]
}

/** `scale.database.pool`: limits of each client. */
interface DatabasePoolOptions {
  /**
   * Most connections of each client.
   * @default 3
   * @env NUXT_SCALE_DATABASE_POOL_MAX
   */
  max?: number
  /**
   * How long a call waits for a client, and a query for a connection, before the request gets 503. Plain numbers are seconds.
   * @default '5s'
   * @env NUXT_SCALE_DATABASE_POOL_ACQUIRE_TIMEOUT
   */
  acquireTimeout?: Duration
}

/** The options after validation. All times are in milliseconds. */
export interface DatabaseSettings {
  /** Address of the default database; undefined if its environment variable is not set. */
  url: string | undefined
  /** Variable or option that should contain the address, for errors. */
  source: string
  /** False if the app has no default database (`url: false`). */
  hasDefault: boolean
  pool: { max: number, acquireTimeout: number }
  maxClients: number
  maxConnections: number
  /** Undefined if requests may wait forever. */
  answerTimeout: number | undefined
  idleTimeout: number
  replicas: string[]
}

const OPTION = 'scale.database'

/** The options of `scale.database`. The build resolves them without an environment. */
export const databaseSettings = defineSettings({
  path: OPTION,
  defaults: {
    url: 'DATABASE_URL',
    pool: { max: 3, acquireTimeout: '5s' },
    maxClients: 50,
    maxConnections: 20,
    answerTimeout: '15s',
    idleTimeout: '60s',
    replicas: [],
  },
  resolve: resolveDatabase,
})

function resolveDatabase(given: Complete<DatabaseModuleOptions>, env: NodeJS.ProcessEnv = {}): DatabaseSettings {
  if (typeof given.pool !== 'object' || given.pool === null) {
    throw new TypeError(`${OPTION}.pool must be an object: write { max: 3, acquireTimeout: '5s' }.`)
  }
  const { pool } = given
  const max = parseCount(pool.max, `${OPTION}.pool.max`)
  const maxConnections = parseCount(given.maxConnections, `${OPTION}.maxConnections`)
  if (max > maxConnections) {
    throw new TypeError(`${OPTION}.pool.max is ${max}, but maxConnections is only ${maxConnections}: `
      + 'lower pool.max or raise maxConnections.')
  }
  const source = readSwitch(given.url) === false ? '' : checkAddress(given.url, `${OPTION}.url`)
  return {
    url: addressOf(source, env),
    source: isName(source) ? source : `${OPTION}.url`,
    hasDefault: readSwitch(given.url) !== false,
    pool: { max, acquireTimeout: parseTime(pool.acquireTimeout, `${OPTION}.pool.acquireTimeout`) },
    maxClients: parseCount(given.maxClients, `${OPTION}.maxClients`),
    maxConnections,
    answerTimeout: readSwitch(given.answerTimeout) === false
      ? undefined
      : parseTime(given.answerTimeout as Duration, `${OPTION}.answerTimeout`),
    idleTimeout: parseTime(given.idleTimeout, `${OPTION}.idleTimeout`),
    replicas: addressesOf(parseReplicas(given.replicas, `${OPTION}.replicas`), env),
  }
}

function parseTime(value: number | string, path: string): number {
  const milliseconds = parseDuration(value, path)
  if (milliseconds < 1 || milliseconds > LONGEST_TIMER) {
    throw new TypeError(`${path} is ${JSON.stringify(value)}: write a time from '1ms' to '24d'.`)
  }
  return milliseconds
}
