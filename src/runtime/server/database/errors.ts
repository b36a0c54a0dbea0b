import { HttpError } from '../request/errors'
import { isDriverBusy } from './driver-errors'

/** No connection was free in time. The request gets 503 with `Retry-After`. */
export class DatabaseBusyError extends HttpError {
  declare readonly code: 'DATABASE_BUSY'

  /** @param waited milliseconds that the request has waited; `Retry-After` is this time in whole seconds */
  constructor(message: string, waited: number, cause?: unknown) {
    super(503, 'DATABASE_BUSY', message, { retryAfter: Math.max(1, Math.ceil(waited / 1000)), cause })
    this.name = 'DatabaseBusyError'
  }
}

/** The server is shutting down, so its database clients are closed. The request gets 503. */
export class DatabaseClosedError extends HttpError {
  declare readonly code: 'DATABASE_CLOSED'

  constructor(label: string) {
    super(503, 'DATABASE_CLOSED', `The database client of ${label} is closed, because this server is shutting down:`
      + ' send the request to another instance.', { retryAfter: 1 })
    this.name = 'DatabaseClosedError'
  }
}

/** A client was used after the module had closed its connections. The request gets 500. */
export class DatabaseEvictedError extends HttpError {
  declare readonly code: 'DATABASE_EVICTED'

  constructor(label: string) {
    super(500, 'DATABASE_EVICTED', `The database client of ${label} was used after its connections were closed:`
      + ' get the client in each request, or inside withTenantDatabase(), instead of storing it.')
    this.name = 'DatabaseEvictedError'
  }
}

/** The factory in `server/scale.database.ts` failed. The message contains its error without the secrets of the address. */
export class DatabaseFactoryError extends HttpError {
  declare readonly code: 'DATABASE_FACTORY'

  constructor(label: string, reason: string, cause?: Error) {
    super(500, 'DATABASE_FACTORY', `server/scale.database.ts created no client for ${label}: ${reason.replace(/\.$/, '')}.`, { cause })
    this.name = 'DatabaseFactoryError'
  }
}

/** SQLSTATE with which the trigger on a shard refuses to write a row that has moved, or is about to move. */
export const STALE_SHARD_MAP = 'NS001'

/**
 * Thrown when an instance with an outdated slot map writes to a shard that no longer owns the row.
 * The request gets 503 with `Retry-After`.
 */
export class StaleShardMapError extends HttpError {
  declare readonly code: 'STALE_SHARD_MAP'

  constructor(cause?: unknown) {
    super(503, 'STALE_SHARD_MAP', 'This data is moving to another shard: try again.', { retryAfter: 1, cause })
    this.name = 'StaleShardMapError'
  }
}

/** The tenant or database does not exist, or the request names none. The status is 400, 404 or 500. */
export class DatabaseUnknownError extends HttpError {
  declare readonly code: 'DATABASE_UNKNOWN'

  constructor(message: string, statusCode: number) {
    super(statusCode, 'DATABASE_UNKNOWN', message)
    this.name = 'DatabaseUnknownError'
  }
}

/**
 * Finds out whether `error` or one of its causes means that no database connection was free.
 *
 * @param isBusy the app's own test for errors of its clients
 * @returns the seconds for `Retry-After`; undefined if the error means something else
 */
export function findBusy(error: unknown, isBusy: (error: unknown) => boolean = () => false): { retryAfter: number } | undefined {
  for (const one of withCauses(error)) {
    const { code, retryAfter } = one
    // Prisma keeps only the code of an error that its adapter throws, so `retryAfter` may be missing.
    if (code === 'DATABASE_BUSY') return { retryAfter: typeof retryAfter === 'number' ? retryAfter : 1 }
    if (isDriverBusy(one) || isBusy(one)) return { retryAfter: 1 }
  }
  return undefined
}

/**
 * Whether `error` or one of its causes is the refusal of a shard to write a row that has moved.
 * Both code and message are checked, because pg keeps the SQLSTATE and Prisma keeps only the message.
 */
export function isStaleShardMap(error: unknown): boolean {
  return withCauses(error).some(({ code, message }) =>
    code === STALE_SHARD_MAP || code === 'STALE_SHARD_MAP' || (typeof message === 'string' && message.includes('StaleShardMap: ')))
}

function withCauses(error: unknown): Record<'name' | 'code' | 'message' | 'retryAfter' | 'cause', unknown>[] {
  const chain: ReturnType<typeof withCauses> = []
  // The limit of 5 protects against causes that refer to each other.
  for (let next = error; chain.length < 5 && typeof next === 'object' && next !== null; next = chain.at(-1)!.cause) {
    chain.push(next as never)
  }
  return chain
}
