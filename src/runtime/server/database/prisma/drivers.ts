import { parseUrl } from '../redact'
import type { Driver } from './driver'
import { openMariaDb } from './mariadb'
import { openPglite } from './pglite'
import { openPostgres } from './postgres'
import { openSqlite } from './sqlite'

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
