/**
 * The errors of this room. Each is one sentence without a secret. `__h3_error__` is how h3 recognises an error that a route
 * means to answer with: without it the answer is a bare 500 and the log gets a stack for every refused request.
 */
class DatabaseError extends Error {
  static readonly __h3_error__ = true
  readonly statusCode: number
  readonly fatal = false
  readonly unhandled = false
  readonly statusMessage: string | undefined
  readonly data: unknown

  constructor(message: string, statusCode: number, options?: ErrorOptions) {
    super(message, options)
    this.statusCode = statusCode
  }

  toJSON() {
    return { message: this.message, statusCode: this.statusCode }
  }
}

/** No connection was free in time. The request gets 503 with `Retry-After`. */
export class DatabaseBusyError extends DatabaseError {
  /** Always `'DATABASE_BUSY'`: compare this instead of the class, which may exist twice in a bundle. */
  readonly code = 'DATABASE_BUSY'
  /** Seconds after which to try again. */
  readonly retryAfter: number

  constructor(message: string, waited: number) {
    super(message, 503)
    this.name = 'DatabaseBusyError'
    this.retryAfter = Math.max(1, Math.ceil(waited / 1000))
  }
}

/** The server is going down and hands out no more clients. */
export class DatabaseClosedError extends DatabaseError {
  readonly code = 'DATABASE_CLOSED'

  constructor(label: string) {
    super(`The database client of ${label} is closed, because this server is stopping: send the request to another instance.`, 503)
    this.name = 'DatabaseClosedError'
  }
}

/** A client was used after the module had ended its connections. */
export class DatabaseEvictedError extends DatabaseError {
  readonly code = 'DATABASE_EVICTED'

  constructor(label: string) {
    super(`The database client of ${label} was used after its connections were ended: ask for it in each request, or inside withTenantDatabase(), instead of keeping it.`, 500)
    this.name = 'DatabaseEvictedError'
  }
}

/** The factory in `server/scale.database.ts` failed. Its message stands here without the secrets of the address. */
export class DatabaseFactoryError extends DatabaseError {
  readonly code = 'DATABASE_FACTORY'

  constructor(label: string, reason: string, cause?: Error) {
    super(`server/scale.database.ts made no client for ${label}: ${reason.replace(/\.$/, '')}.`, 500, cause && { cause })
    this.name = 'DatabaseFactoryError'
  }
}

/** No such tenant or database. */
export class DatabaseUnknownError extends DatabaseError {
  readonly code = 'DATABASE_UNKNOWN'

  constructor(message: string, statusCode: number) {
    super(message, statusCode)
    this.name = 'DatabaseUnknownError'
  }
}

/** The error in `error` or its causes that says that no connection was free; undefined when none does. */
export function findBusy(error: unknown): { retryAfter: number } | undefined {
  for (let depth = 0; depth < 5 && typeof error === 'object' && error !== null; depth++) {
    const { code, retryAfter, cause } = error as { code?: unknown, retryAfter?: unknown, cause?: unknown }
    // Prisma keeps the code of what an adapter throws, and nothing else of it.
    if (code === 'DATABASE_BUSY') return { retryAfter: typeof retryAfter === 'number' ? retryAfter : 1 }
    error = cause
  }
  return undefined
}
