import { parseUrl } from '../redact'
import type { DatabasePool } from '../types'
import { openMariaDb } from './mariadb'
import { openPglite } from './pglite'
import { openPostgres } from './postgres'
import { openSqlite } from './sqlite'

/** The part of Prisma's SQL driver adapter that this module uses. */
export interface PrismaConnection {
  queryRaw: (query: never) => Promise<unknown>
  executeRaw: (query: never) => Promise<unknown>
  startTransaction: (isolationLevel?: never) => Promise<unknown>
  getConnectionInfo?: () => object
  dispose: () => Promise<void>
}

/** Address and limits for a driver. */
export interface DriverInput {
  url: string
  schema: string | undefined
  pool: DatabasePool
}

/** An open pool: Prisma's adapter for it, and functions to close it if its `dispose` hangs. */
export interface OpenDriver {
  connection: PrismaConnection
  /** Resolves when the server has closed every connection, which may be later than `dispose`. */
  closed?: () => Promise<void>
  /** Destroys the sockets. */
  destroy?: () => void
}

/** The driver for one kind of database. */
export interface Driver {
  /** The `provider` of the Prisma schema: `datasource db { provider = … }`. */
  provider: 'postgres' | 'mysql' | 'sqlite'
  adapterName: string
  /** The optional packages that the driver needs, separated by spaces as in an install command. */
  packages: string
  open: (input: DriverInput) => Promise<OpenDriver>
}

const postgres: Driver = {
  provider: 'postgres',
  adapterName: '@prisma/adapter-pg',
  packages: '@prisma/adapter-pg',
  open: openPostgres,
}
const mariadb: Driver = {
  provider: 'mysql',
  adapterName: '@prisma/adapter-mariadb',
  packages: '@prisma/adapter-mariadb',
  open: openMariaDb,
}
const sqlite: Driver = {
  provider: 'sqlite',
  adapterName: '@prisma/adapter-better-sqlite3',
  packages: '@prisma/adapter-better-sqlite3',
  open: openSqlite,
}
const pglite: Driver = {
  provider: 'postgres',
  adapterName: 'pglite-prisma-adapter',
  packages: 'pglite-prisma-adapter @electric-sql/pglite',
  open: openPglite,
}

const DRIVERS: Record<string, Driver> = { postgres, postgresql: postgres, mysql: mariadb, mariadb, file: sqlite, sqlite, pglite }

/** All packages that the drivers need. An app installs only those for its databases. */
export const OPTIONAL_PACKAGES: readonly string[] = [...new Set(Object.values(DRIVERS).flatMap(({ packages }) => packages.split(' ')))]

/**
 * Finds the driver for an address by its scheme.
 * @throws Error when the scheme is not supported, or the address cannot be parsed
 */
export function driverFor(url: string): Driver {
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  const driver = scheme === undefined || !Object.hasOwn(DRIVERS, scheme) ? undefined : DRIVERS[scheme]
  if (!driver) {
    const problem = scheme
      ? `A database URL cannot begin with ${scheme}:`
      : url === '' ? 'The database URL is empty' : 'The database URL has no scheme'
    throw new Error(`${problem}: write postgresql://…, mysql://…, mariadb://…, file:… or pglite:….`)
  }
  // Parsed here and not at the first query, so that an invalid address stops the start of the server.
  if (driver === postgres || driver === mariadb) parseUrl(url)
  return driver
}
