import { HttpError } from '../request/errors'
import { isDriverBusy } from './driver-errors'

/** No connection was free in time. The request gets 503 with `Retry-After`. */
export class DatabaseBusyError extends HttpError {
  declare readonly code: 'DATABASE_BUSY'

  /** @param waited ms, which become the seconds after which to try again */
  constructor(message: string, waited: number, cause?: unknown) {
    super(503, 'DATABASE_BUSY', message, { retryAfter: Math.max(1, Math.ceil(waited / 1000)), cause })
    this.name = 'DatabaseBusyError'
  }
}

/** The server is going down and hands out no more clients. */
export class DatabaseClosedError extends HttpError {
  declare readonly code: 'DATABASE_CLOSED'

  constructor(label: string) {
    super(503, 'DATABASE_CLOSED', `The database client of ${label} is closed, because this server is stopping: send the request to another instance.`, { retryAfter: 1 })
    this.name = 'DatabaseClosedError'
  }
}

/** A client was used after the module had ended its connections. */
export class DatabaseEvictedError extends HttpError {
  declare readonly code: 'DATABASE_EVICTED'

  constructor(label: string) {
    super(500, 'DATABASE_EVICTED', `The database client of ${label} was used after its connections were ended: ask for it in each request, or inside withTenantDatabase(), instead of keeping it.`)
    this.name = 'DatabaseEvictedError'
  }
}

/** The factory in `server/scale.database.ts` failed. Its message stands here without the secrets of the address. */
export class DatabaseFactoryError extends HttpError {
  declare readonly code: 'DATABASE_FACTORY'

  constructor(label: string, reason: string, cause?: Error) {
    super(500, 'DATABASE_FACTORY', `server/scale.database.ts made no client for ${label}: ${reason.replace(/\.$/, '')}.`, { cause })
    this.name = 'DatabaseFactoryError'
  }
}

/** SQLSTATE with which a shard refuses to write a row that has moved, or is about to. */
export const STALE_SHARD_MAP = 'NS001'

/** A row was written where it lives no more, by a map of the shards that is out of date. The request gets 503 with `Retry-After`. */
export class StaleShardMapError extends HttpError {
  declare readonly code: 'STALE_SHARD_MAP'

  constructor(cause?: unknown) {
    super(503, 'STALE_SHARD_MAP', 'This data is moving to another shard: try again.', { retryAfter: 1, cause })
    this.name = 'StaleShardMapError'
  }
}

/** No such tenant or database. */
export class DatabaseUnknownError extends HttpError {
  declare readonly code: 'DATABASE_UNKNOWN'

  constructor(message: string, statusCode: number) {
    super(statusCode, 'DATABASE_UNKNOWN', message)
    this.name = 'DatabaseUnknownError'
  }
}

/**
 * What `error` or one of its causes says of a database without a free connection; undefined when none does.
 *
 * @param isBusy what the app knows of the errors of its own clients
 */
export function findBusy(error: unknown, isBusy: (error: unknown) => boolean = () => false): { retryAfter: number } | undefined {
  for (const one of withCauses(error)) {
    const { code, retryAfter } = one
    // Prisma keeps the code of what an adapter throws, and nothing else of it.
    if (code === 'DATABASE_BUSY') return { retryAfter: typeof retryAfter === 'number' ? retryAfter : 1 }
    if (isDriverBusy(one) || isBusy(one)) return { retryAfter: 1 }
  }
  return undefined
}

/** Whether `error` or one of its causes is a shard's refusal to write a row that has moved. pg keeps its code, Prisma its message. */
export function isStaleShardMap(error: unknown): boolean {
  return withCauses(error).some(({ code, message }) => code === STALE_SHARD_MAP || code === 'STALE_SHARD_MAP' || (typeof message === 'string' && message.includes('StaleShardMap: ')))
}

function withCauses(error: unknown): Record<'name' | 'code' | 'message' | 'retryAfter' | 'cause', unknown>[] {
  const chain: ReturnType<typeof withCauses> = []
  for (let next = error; chain.length < 5 && typeof next === 'object' && next !== null; next = chain.at(-1)!.cause) chain.push(next as never)
  return chain
}
