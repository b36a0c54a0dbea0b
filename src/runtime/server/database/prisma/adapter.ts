import { inspect } from 'node:util'
import { withDeadline } from '../../deadline'
import { DatabaseBusyError, DatabaseEvictedError } from '../errors'
import { describeUrl } from '../redact'
import type { Driver, DriverInput, OpenDriver, PrismaConnection } from './drivers'

/** Milliseconds that a pool has to end its connections before they are cut. Under the 5 s after which the registry complains. */
const DISPOSE_DEADLINE = 4000
/** Milliseconds for what remains to be settled once the sockets are gone. */
const CUT_DEADLINE = 500

/** How the drivers say that no connection came free in time; neither has a code for it. */
const ACQUIRE_TIMEOUT = /timeout exceeded when trying to connect|terminated due to connection timeout|failed to retrieve a connection from pool/

/** How Node and Vite say that a package is not there. */
const MISSING_PACKAGE = /(?:Cannot find (?:package|module)|Could not resolve) ['"]([^'"]+)['"]/

/** A driver adapter factory as `new PrismaClient({ adapter })` takes it, and the switch that keeps it closed. */
export interface GatedAdapter {
  adapter: object
  /** From now on it never connects again. */
  shut: () => void
}

/**
 * A driver adapter that loads its package at the first query, connects once, and cannot be made to print its address.
 *
 * Prisma connects again in silence when a disconnected client is used; that would be a pool that nobody counts and nobody ends.
 */
export function createAdapter(driver: Driver, input: DriverInput): GatedAdapter {
  const label = describeUrl(input.url)
  let ended = false
  const describe = () => `[${driver.adapterName} for ${label}]`

  const adapter = {
    provider: driver.provider,
    adapterName: driver.adapterName,
    async connect() {
      if (ended) throw new DatabaseEvictedError(label)
      return guard(await open(driver, input))
    },
  }
  hide(adapter, describe)
  return { adapter, shut: () => ended = true }

  function guard({ connection, closed, destroy }: OpenDriver): PrismaConnection {
    const bounded = <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) => (...args: Args) => call.apply(connection, args).catch((error) => {
      throw isAcquireTimeout(error)
        ? new DatabaseBusyError(`None of the ${input.pool.max} connections to ${label} was free or could be opened within ${input.pool.acquireTimeout} ms: try again later, or raise scale.database.pool.max.`, input.pool.acquireTimeout)
        : error
    })
    const dispose = connection.dispose.bind(connection)
    const guarded = Object.assign(Object.create(connection) as PrismaConnection, {
      queryRaw: bounded(connection.queryRaw),
      executeRaw: bounded(connection.executeRaw),
      startTransaction: bounded(connection.startTransaction),
      async dispose() {
        ended = true
        const done = dispose().then(closed)
        if (!destroy) return done
        done.catch(() => {})
        const expired = () => new Error(`${describe()} did not disconnect in time.`)
        await withDeadline(done, DISPOSE_DEADLINE, expired).catch(async () => {
          destroy()
          await withDeadline(done, CUT_DEADLINE, expired).catch(() => {})
        })
      },
    })
    hide(guarded, describe)
    return guarded
  }
}

async function open(driver: Driver, input: DriverInput): Promise<OpenDriver> {
  try {
    return await driver.open(input)
  }
  catch (error) {
    const [, name = ''] = MISSING_PACKAGE.exec(String((error as Error).message)) ?? []
    const missing = driver.packages.split(' ').find(needed => needed === name)
    if (missing) throw new Error(`The database ${describeUrl(input.url)} needs ${missing}, which is not installed: run "npm install ${driver.packages}".`, { cause: error })
    throw error
  }
}

function isAcquireTimeout(error: unknown): boolean {
  const { message, cause } = error as { message?: unknown, cause?: { message?: unknown } }
  return ACQUIRE_TIMEOUT.test(String(message)) || ACQUIRE_TIMEOUT.test(String(cause?.message))
}

/** What the console and JSON show of an object that holds an address. */
export function hide(object: object, describe: () => string): void {
  for (const key of [inspect.custom, 'toJSON']) Object.defineProperty(object, key, { value: describe, enumerable: false, configurable: true })
}
