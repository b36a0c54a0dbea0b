import { inspect } from 'node:util'
import { withDeadline } from '../../core/deadline'
import { DatabaseBusyError, DatabaseEvictedError } from '../errors'
import { describeUrl } from '../redact'
import type { Driver, DriverInput, OpenDriver, PrismaConnection } from './driver'

/** Milliseconds that a pool has to close its connections before they are cut. Shorter than the 5 s after which the registry warns. */
const DISPOSE_DEADLINE = 4000
/** Milliseconds that `dispose` has to settle after its sockets are cut. */
const CUT_DEADLINE = 500

/** Messages of drivers for an acquire timeout, which have no code. */
const ACQUIRE_TIMEOUT = new RegExp([
  'timeout exceeded when trying to connect',
  'terminated due to connection timeout',
  'failed to retrieve a connection from pool',
].join('|'))

/** Messages of Node and Vite for a missing package. */
const MISSING_PACKAGE = /(?:Cannot find (?:package|module)|Could not resolve) ['"]([^'"]+)['"]/

/** A driver adapter factory for `new PrismaClient({ adapter })` that can be shut. */
export interface GatedAdapter {
  adapter: object
  /** Prevents all further connections of the adapter. */
  shut: () => void
}

/**
 * Creates a driver adapter that loads its package at the first query and never prints its address.
 *
 * Prisma silently reconnects when a disconnected client is used. The adapter refuses that, because such a pool would not count in
 * `maxConnections` and would never be closed.
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
    const { max, acquireTimeout } = input.pool
    const busyMessage = `None of the ${max} connections to ${label} was free or could be opened within ${acquireTimeout} ms:`
      + ' try again later, or raise scale.database.pool.max.'
    const bounded = <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) => (...args: Args) =>
      call.apply(connection, args).catch((error) => {
        throw isAcquireTimeout(error) ? new DatabaseBusyError(busyMessage, acquireTimeout) : error
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
    if (missing) {
      throw new Error(`The database ${describeUrl(input.url)} needs ${missing}, which is not installed:`
        + ` run "npm install ${driver.packages}".`, { cause: error })
    }
    throw error
  }
}

function isAcquireTimeout(error: unknown): boolean {
  const { message, cause } = error as { message?: unknown, cause?: { message?: unknown } }
  return ACQUIRE_TIMEOUT.test(String(message)) || ACQUIRE_TIMEOUT.test(String(cause?.message))
}

/** Makes the console and JSON show only `describe()` for an object that contains an address. */
export function hide(object: object, describe: () => string): void {
  for (const key of [inspect.custom, 'toJSON']) {
    Object.defineProperty(object, key, { value: describe, enumerable: false, configurable: true })
  }
}
