import { parseUrl } from '../redact'
import type { Driver } from './driver'
import { mariadb } from './mariadb'
import { pglite } from './pglite'
import { postgres } from './postgres'
import { sqlite } from './sqlite'

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
