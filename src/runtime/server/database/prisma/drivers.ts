import { parseUrl } from '../redact'
import type { DatabasePool } from '../types'
import { openMariaDb } from './mariadb'
import { openPglite } from './pglite'
import { openPostgres } from './postgres'
import { openSqlite } from './sqlite'

/** What Prisma calls a SQL driver adapter, as far as this module touches it. */
export interface PrismaConnection {
  queryRaw: (query: never) => Promise<unknown>
  executeRaw: (query: never) => Promise<unknown>
  startTransaction: (isolationLevel?: never) => Promise<unknown>
  getConnectionInfo?: () => object
  dispose: () => Promise<void>
}

/** Where a driver connects, and its bounds. */
export interface DriverInput {
  url: string
  schema: string | undefined
  pool: DatabasePool
}

/** An open pool: Prisma's adapter for it, and how to tear it down when its own `dispose` hangs. */
export interface OpenDriver {
  connection: PrismaConnection
  /** Resolves when the server has closed every connection, which may be later than `dispose`. */
  closed?: () => Promise<void>
  /** Cuts the sockets. */
  destroy?: () => void
}

/** One kind of database. */
export interface Driver {
  /** What its schema says: `datasource db { provider = … }`. */
  provider: 'postgres' | 'mysql' | 'sqlite'
  adapterName: string
  /** The optional peers that it needs, as arguments of an install command. */
  packages: string
  open: (input: DriverInput) => Promise<OpenDriver>
}

const postgres: Driver = { provider: 'postgres', adapterName: '@prisma/adapter-pg', packages: '@prisma/adapter-pg', open: openPostgres }
const mariadb: Driver = { provider: 'mysql', adapterName: '@prisma/adapter-mariadb', packages: '@prisma/adapter-mariadb', open: openMariaDb }
const sqlite: Driver = { provider: 'sqlite', adapterName: '@prisma/adapter-better-sqlite3', packages: '@prisma/adapter-better-sqlite3', open: openSqlite }
const pglite: Driver = { provider: 'postgres', adapterName: 'pglite-prisma-adapter', packages: 'pglite-prisma-adapter @electric-sql/pglite', open: openPglite }

const DRIVERS: Record<string, Driver> = { postgres, postgresql: postgres, mysql: mariadb, mariadb, file: sqlite, sqlite, pglite }

/** Every package that a driver may need. An app installs those of its databases. */
export const OPTIONAL_PACKAGES: readonly string[] = [...new Set(Object.values(DRIVERS).flatMap(({ packages }) => packages.split(' ')))]

/**
 * The driver for an address, by its scheme.
 * @throws Error naming the schemes that there are, or that the address cannot be read
 */
export function driverFor(url: string): Driver {
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  const driver = scheme === undefined || !Object.hasOwn(DRIVERS, scheme) ? undefined : DRIVERS[scheme]
  if (!driver) {
    throw new Error(`${scheme ? `A database URL cannot begin with ${scheme}:` : url === '' ? 'The database URL is empty' : 'The database URL has no scheme'}: write postgresql://…, mysql://…, mariadb://…, file:… or pglite:….`)
  }
  // Here rather than at the first query, so that a wrong address stops the boot.
  if (driver === postgres || driver === mariadb) parseUrl(url)
  return driver
}
