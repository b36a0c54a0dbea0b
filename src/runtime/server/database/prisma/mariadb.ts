import { parseUrl } from '../redact'
import type { Driver, DriverInput, OpenDriver } from './driver'

/** Seconds after which an unused connection is closed. */
const IDLE = 10

/** The driver for MariaDB and MySQL. */
export const mariadb: Driver = {
  provider: 'mysql',
  adapterName: '@prisma/adapter-mariadb',
  packages: '@prisma/adapter-mariadb',
  open,
}

/** Opens a pool for MariaDB or MySQL. A schema is a database there, so `schema` replaces the database in the address. */
async function open({ url, schema, pool }: DriverInput): Promise<OpenDriver> {
  const { PrismaMariaDb } = await import('@prisma/adapter-mariadb')
  const { hostname, port, username, password, pathname, searchParams } = parseUrl(url)
  const database = schema ?? decodeURIComponent(pathname.slice(1))
  const tls = searchParams.get('ssl') ?? searchParams.get('sslaccept')
  const adapter = new PrismaMariaDb({
    // The driver treats an IPv6 address in square brackets as a host name, so the brackets are removed.
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? 3306 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database,
    ...(tls === null ? {} : { ssl: tls === 'accept_invalid_certs' ? { rejectUnauthorized: false } : tls !== 'false' }),
    connectionLimit: pool.max,
    // By default the driver keeps a full pool open, even for idle clients. With 0 it never connects.
    minimumIdle: 1,
    idleTimeout: IDLE,
    acquireTimeout: pool.acquireTimeout,
    connectTimeout: pool.acquireTimeout,
  }, { database })
  return { connection: await adapter.connect() as never }
}
