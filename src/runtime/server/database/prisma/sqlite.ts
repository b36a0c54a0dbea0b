import type { Driver, DriverInput, OpenDriver } from './driver'

/** The driver for SQLite. */
export const sqlite: Driver = {
  provider: 'sqlite',
  adapterName: '@prisma/adapter-better-sqlite3',
  packages: '@prisma/adapter-better-sqlite3',
  open,
}

/** Opens SQLite with better-sqlite3, which uses one connection. */
async function open({ url, schema, pool }: DriverInput): Promise<OpenDriver> {
  if (schema !== undefined) throw new Error('SQLite has no schemas: remove the schema, and give each tenant its own file.')
  // @ts-expect-error -- an optional peer with a native build, which this repository does not install
  const { PrismaBetterSqlite3 } = await import('@prisma/adapter-better-sqlite3')
  const adapter = new PrismaBetterSqlite3({ url: url.replace(/^sqlite:(?:\/\/)?/, 'file:'), timeout: pool.acquireTimeout })
  return { connection: await adapter.connect() }
}
