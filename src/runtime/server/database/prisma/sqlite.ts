import type { DriverInput, OpenDriver } from './driver'

/** Opens SQLite with better-sqlite3, which uses one connection. */
export async function openSqlite({ url, schema, pool }: DriverInput): Promise<OpenDriver> {
  if (schema !== undefined) throw new Error('SQLite has no schemas: remove the schema, and give each tenant its own file.')
  // @ts-expect-error -- an optional peer with a native build, which this repository does not install
  const { PrismaBetterSqlite3 } = await import('@prisma/adapter-better-sqlite3')
  const adapter = new PrismaBetterSqlite3({ url: url.replace(/^sqlite:(?:\/\/)?/, 'file:'), timeout: pool.acquireTimeout })
  return { connection: await adapter.connect() }
}
