import type { ServerResponse } from 'node:http'
import type { H3Event } from 'h3'
import { runRequest } from '../request/call-context'
import type { AnswerWatch } from './answer-watch'
import { DatabaseBusyError, findBusy, isStaleShardMap, StaleShardMapError } from './errors'
import type { LeaseScope, ScopeUser } from './lease-scope'
import { createLeaseScope, createUser, currentLeaseScope } from './lease-scope'

/** Milliseconds after which an aborted request, or the `waitUntil` work of a finished one, loses its clients. */
const GRACE = 5000

/** Symbol on the event itself, because a WeakMap of all requests is expensive for the garbage collector. */
const SCOPE = Symbol('scope of the database')

type ScopedEvent = H3Event & { [SCOPE]?: LeaseScope }

/** Returns the lease scope of a request. */
export function scopeOf(event: H3Event): LeaseScope | undefined {
  return (event as ScopedEvent)[SCOPE]
}

export interface LeaseOptions {
  /** Promise that the first requests wait for; undefined once it has settled. */
  ready: () => Promise<unknown> | undefined
  /** Called at the first write of a request's user, if the response headers are not sent yet. */
  onWrite: (event: H3Event) => void
  /** Ends requests whose database has stopped answering. Without it, a request waits for its handler without a limit. */
  watch?: AnswerWatch
  /** The app's own test for errors that mean "no connection was free". */
  isBusy?: (error: unknown) => boolean
}

/**
 * Wraps the app's handler: each request gets a lease scope, and a request without a free connection gets 503 with `Retry-After`.
 *
 * The scope ends when the handler is done and the response has ended. If the client has disconnected, or the watch has ended the
 * request, a running handler keeps its database clients for {@link GRACE}, so that it can finish an open transaction.
 *
 * @param handler the handler that answers the request
 */
export function withLeases(handler: Handle, options: LeaseOptions): (event: H3Event) => Promise<unknown> {
  const { ready, onWrite } = options
  const noteWrite = (event: H3Event) => {
    if (!event.node.res.headersSent) onWrite(event)
  }

  return (event) => {
    const user = currentLeaseScope()?.user ?? createUser(event.node.req.headers.cookie, noteWrite, event)
    const request = new LeasedRequest(event, user, options)
    const wait = ready()
    return wait ? wait.then(() => request.answer(handler)) : request.answer(handler)
  }
}

type Handle = (event: H3Event) => unknown

/** A request that may lease clients. A class, so that a request without a database allocates little. */
class LeasedRequest {
  readonly #event: H3Event
  readonly #options: LeaseOptions
  readonly #scope: LeaseScope
  #work: Promise<unknown> | undefined
  #reject: ((error: unknown) => void) | undefined
  #stopWatching: (() => void) | undefined
  #isGivenUp = false

  constructor(event: H3Event, user: ScopeUser, options: LeaseOptions) {
    this.#event = event
    this.#options = options
    // The watches start at the first lease, because most requests use no database.
    this.#scope = createLeaseScope(event.node.req, user, () => this.#watch())
    ;(event as ScopedEvent)[SCOPE] = this.#scope
  }

  /** Answers the request by a handler. The promise rejects before the handler is done if the watch ends the request. */
  answer(handler: Handle): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      this.#work = this.#call(handler)
      this.#work.then((result) => {
        this.#noteAnswered()
        resolve(result)
      }, error => this.#fail(error))
    })
  }

  /** Calls the handler. An error that it throws before it returns a promise is a rejection, too. */
  #call(handler: Handle): Promise<unknown> {
    try {
      return Promise.resolve(runRequest(this.#event, 'leases', this.#scope, () => handler(this.#event)))
    }
    catch (error) {
      return Promise.reject(error)
    }
  }

  #watch(): void {
    const { res } = this.#event.node
    const forgetAbort = onAbort(res, () => this.#scope.end())
    const forgetAnswer = this.#options.watch?.({
      leases: () => this.#scope.leases(),
      hasBegun: () => res.headersSent || isOver(res),
      giveUp: error => this.#giveUp(error),
    })
    this.#stopWatching = () => {
      forgetAbort()
      forgetAnswer?.()
    }
  }

  #noteAnswered(): void {
    if (this.#isGivenUp) return
    this.#stopWatching?.()
    const { res } = this.#event.node
    if (isOver(res)) endAfterBackground(this.#event, this.#scope)
    else res.once('close', () => endAfterBackground(this.#event, this.#scope))
  }

  #giveUp(error: Error): void {
    if (this.#isGivenUp) return
    this.#isGivenUp = true
    this.#stopWatching?.()
    endAfterWork(this.#work!, this.#scope)
    this.#reject!(this.#answerable(error))
  }

  #fail(error: unknown): void {
    if (this.#isGivenUp) return
    this.#stopWatching?.()
    endAfterBackground(this.#event, this.#scope)
    this.#reject!(this.#answerable(error))
  }

  #answerable(error: unknown): unknown {
    return answerable(error, this.#event.node.res, this.#options.isBusy)
  }
}

/** Calls `end` when {@link GRACE} has passed since the client disconnected. The returned function cancels it. */
function onAbort(response: ServerResponse, end: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const onClose = () => {
    timer = setTimeout(end, GRACE).unref()
  }
  if (response.closed || response.destroyed) onClose()
  else response.once('close', onClose)
  return () => {
    response.off('close', onClose)
    clearTimeout(timer)
  }
}

/** Whether the response has ended. Streams and server-sent events outlive the handler. */
function isOver(response: ServerResponse): boolean {
  return response.writableEnded || response.closed || response.destroyed
}

/** Ends a scope when its handler is done, or after {@link GRACE}, because the handler may run forever. */
function endAfterWork(work: Promise<unknown>, scope: LeaseScope): void {
  const timer = setTimeout(() => scope.end(), GRACE).unref()
  const end = () => {
    clearTimeout(timer)
    scope.end()
  }
  work.then(end, end)
}

/** Ends a scope when the `waitUntil` work of its request is done, or after {@link GRACE}. */
function endAfterBackground(event: H3Event, scope: LeaseScope): void {
  const background = (event.context.nitro as { _waitUntilPromises?: Promise<unknown>[] } | undefined)?._waitUntilPromises
  if (!background?.length) return scope.end()
  const timer = setTimeout(() => scope.end(), GRACE).unref()
  void Promise.allSettled(background).then(() => {
    clearTimeout(timer)
    scope.end()
  })
}

/** Converts an error to 503 if it means a busy database or an outdated slot map, and sets `Retry-After`. */
function answerable(error: unknown, response: ServerResponse, isBusy?: (error: unknown) => boolean): unknown {
  const busy = findBusy(error, isBusy)
  const failure = busy
    ? new DatabaseBusyError('No database connection became free in time: try again later.', busy.retryAfter * 1000, error)
    : isStaleShardMap(error) ? new StaleShardMapError(error) : undefined
  if (!failure) return error
  if (!response.headersSent) response.setHeader('retry-after', String(busy?.retryAfter ?? failure.retryAfter))
  return (error as { statusCode?: unknown }).statusCode === 503 ? error : failure
}
