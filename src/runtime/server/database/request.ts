import type { ServerResponse } from 'node:http'
import type { H3Event } from 'h3'
import { runRequest } from '../call-context'
import type { AnswerWatch } from './answer-watch'
import { DatabaseBusyError, findBusy, isStaleShardMap, StaleShardMapError } from './errors'
import type { LeaseScope } from './scope'
import { createScope, createUser, currentScope } from './scope'

/** Milliseconds that the work of an aborted request, or its `waitUntil`, may go on before its clients are taken from it. */
export const GRACE = 5000

/** On the event itself: a WeakMap of all requests is dear to the garbage collector. */
const SCOPE = Symbol('scope of the database')

type ScopedEvent = H3Event & { [SCOPE]?: LeaseScope }

/** The scope of a request. */
export function scopeOf(event: H3Event): LeaseScope | undefined {
  return (event as ScopedEvent)[SCOPE]
}

export interface LeaseOptions {
  /** A promise to wait for before the first requests; undefined once there is nothing to wait for. */
  ready: () => Promise<unknown> | undefined
  /** Called when the user of a request first writes, before the headers of its response are sent. */
  onWrite: (event: H3Event) => void
  /** Gives up requests whose databases have stopped answering. Without it a request waits for its handler, however long that takes. */
  watch?: AnswerWatch
  /** What the app knows of the errors of its own clients. */
  isBusy?: (error: unknown) => boolean
}

/**
 * Gives each request a scope that ends with its response, and answers a full database with 503 and `Retry-After`.
 *
 * The scope ends when the handler is done and the response is over. When the caller has gone away, a handler that is still
 * at work keeps its clients for {@link GRACE}: ended under it, its open transaction would fail half-way. So does one that was given up.
 *
 * @param handler what answers the request
 */
export function withLeases(handler: (event: H3Event) => unknown, { ready, onWrite, watch, isBusy }: LeaseOptions): (event: H3Event) => Promise<unknown> {
  const noteWrite = (event: H3Event) => {
    if (!event.node.res.headersSent) onWrite(event)
  }

  return async (event) => {
    const { req, res } = event.node
    let stopWatching: (() => void) | undefined
    let work: Promise<unknown> | undefined
    let giveUp: (error: Error) => void
    let isGivenUp = false
    // Most requests ask no database, and then nobody need watch how they end.
    const scope: LeaseScope = createScope(req, currentScope()?.user ?? createUser(req.headers.cookie, noteWrite, event), () => {
      const forgetAbort = onAbort(res, () => scope.end())
      const forgetAnswer = watch?.({ leases: () => scope.leases(), hasBegun: () => res.headersSent || isOver(res), giveUp: error => giveUp(error) })
      stopWatching = () => {
        forgetAbort()
        forgetAnswer?.()
      }
    })
    ;(event as ScopedEvent)[SCOPE] = scope
    try {
      const wait = ready()
      if (wait) await wait
      const result = await new Promise((resolve, reject) => {
        giveUp = (error) => {
          isGivenUp = true
          reject(error)
        }
        work = Promise.resolve(runRequest(event, 'leases', scope, () => handler(event)))
        work.then(resolve, reject)
      })
      stopWatching?.()
      if (isOver(res)) endAfterBackground(event, scope)
      else res.once('close', () => endAfterBackground(event, scope))
      return result
    }
    catch (error) {
      stopWatching?.()
      if (isGivenUp) endAfterWork(work!, scope)
      else endAfterBackground(event, scope)
      throw answerable(error, res, isBusy)
    }
  }
}

/** Calls `end` a while after the caller has gone, unless the handler is done before. */
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

/** A handler may be done before its response: streams and server-sent events are written behind its back. */
function isOver(response: ServerResponse): boolean {
  return response.writableEnded || response.closed || response.destroyed
}

/** Its handler is still at work, perhaps for ever. */
function endAfterWork(work: Promise<unknown>, scope: LeaseScope): void {
  const timer = setTimeout(() => scope.end(), GRACE).unref()
  const end = () => {
    clearTimeout(timer)
    scope.end()
  }
  work.then(end, end)
}

function endAfterBackground(event: H3Event, scope: LeaseScope): void {
  const background = (event.context.nitro as { _waitUntilPromises?: Promise<unknown>[] } | undefined)?._waitUntilPromises
  if (!background?.length) return scope.end()
  const timer = setTimeout(() => scope.end(), GRACE).unref()
  void Promise.allSettled(background).then(() => {
    clearTimeout(timer)
    scope.end()
  })
}

/** The error as it should be answered. */
function answerable(error: unknown, response: ServerResponse, isBusy?: (error: unknown) => boolean): unknown {
  const busy = findBusy(error, isBusy)
  const failure = busy
    ? new DatabaseBusyError('No database connection came free in time: try again later.', busy.retryAfter * 1000, error)
    : isStaleShardMap(error) ? new StaleShardMapError(error) : undefined
  if (!failure) return error
  if (!response.headersSent) response.setHeader('retry-after', String(busy?.retryAfter ?? failure.retryAfter))
  return (error as { statusCode?: unknown }).statusCode === 503 ? error : failure
}
