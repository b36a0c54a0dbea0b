import type { PGlite } from '@electric-sql/pglite'
import { checkSchema } from './driver'
import type { Driver, DriverInput, OpenDriver, PrismaConnection } from './driver'

/** A PGlite with its lock. It has a single session, so all its clients share one search path. */
interface Instance {
  database: Promise<PGlite>
  users: number
  /** The current search path of the session. */
  path: string | undefined
  /** Settles when the last operation in the queue is done. */
  tail: Promise<unknown>
}

// Clients of one address share an instance: it needs about two seconds and 300 MB, and a folder can be open only once.
const instances = new Map<string, Instance>()

type Release = () => void

/** The driver for PGlite, which is PostgreSQL inside the process. */
export const pglite: Driver = {
  provider: 'postgres',
  adapterName: 'pglite-prisma-adapter',
  packages: 'pglite-prisma-adapter @electric-sql/pglite',
  open,
}

/**
 * Opens PostgreSQL inside the process, for development and tests.
 * `pglite:` and `pglite:memory` keep data in memory only; `pglite:./data` stores it in that folder.
 */
async function open({ url, schema }: DriverInput): Promise<OpenDriver> {
  const [{ PGlite }, { PrismaPGlite }] = await Promise.all([import('@electric-sql/pglite'), import('pglite-prisma-adapter')])
  const folder = url.replace(/^pglite:(?:\/\/)?/i, '')
  const closed = { database: Promise.resolve(), users: 0, path: undefined, tail: Promise.resolve() } as unknown as Instance
  const instance = instances.get(url) ?? closed
  if (instance.users === 0) {
    instance.database = PGlite.create(folder === '' || folder === 'memory' ? 'memory://' : folder)
    instances.set(url, instance)
  }
  instance.users++
  const leave = async () => {
    if (--instance.users === 0) {
      instances.delete(url)
      await (await instance.database).close()
    }
  }
  try {
    const inner = await new PrismaPGlite(await instance.database as never).connect() as unknown as PrismaConnection
    return { connection: withSchema(inner, instance, checkSchema(schema) ?? 'public', leave) }
  }
  catch (error) {
    await leave().catch(() => {})
    throw error
  }
}

/** Runs each query and each whole transaction alone on the session, with its own search path. */
function withSchema(inner: PrismaConnection, instance: Instance, schema: string, dispose: () => Promise<void>): PrismaConnection {
  async function enter(): Promise<Release> {
    const before = instance.tail
    let release: Release = () => {}
    instance.tail = new Promise<void>(resolve => release = resolve)
    await before
    try {
      if (instance.path !== schema) {
        await (await instance.database).exec(`set search_path to "${schema}"`)
        instance.path = schema
      }
      return release
    }
    catch (error) {
      release()
      throw error
    }
  }

  async function alone<T>(work: () => Promise<T>): Promise<T> {
    const release = await enter()
    try {
      return await work()
    }
    finally {
      release()
    }
  }

  return Object.assign(Object.create(inner) as PrismaConnection, {
    queryRaw: (query: never) => alone(() => inner.queryRaw(query)),
    executeRaw: (query: never) => alone(() => inner.executeRaw(query)),
    executeScript: (script: string) => alone(async () => void await (await instance.database).exec(script)),
    getConnectionInfo: () => ({ ...inner.getConnectionInfo?.(), schemaName: schema }),
    dispose,
    async startTransaction(isolationLevel?: never) {
      const release = await enter()
      try {
        const transaction = await inner.startTransaction(isolationLevel) as Record<'commit' | 'rollback', () => Promise<void>>
        const { commit, rollback } = transaction
        transaction.commit = () => commit.call(transaction).finally(release)
        transaction.rollback = () => rollback.call(transaction).finally(release)
        return transaction
      }
      catch (error) {
        release()
        throw error
      }
    },
  })
}
