import type { DatabasePool } from '../types'

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

/**
 * Checks the name of a schema, because Prisma puts it between quotes without escaping it.
 * @throws TypeError for an empty name, or a name with quotes, backslashes or control characters
 */
export function checkSchema(schema: string | undefined): string | undefined {
  // eslint-disable-next-line no-control-regex -- the expression has to find control characters
  if (schema !== undefined && (schema === '' || /["\\\u0000-\u001F]/.test(schema))) {
    throw new TypeError(`The schema ${JSON.stringify(schema)} cannot be used:`
      + ' write a name that is not empty, without quotes, backslashes and control characters.')
  }
  return schema
}
