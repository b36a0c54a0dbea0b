import { AsyncLocalStorage } from 'node:async_hooks'
import { createProbe } from '../probe'
import { DatabaseBusyError } from './errors'
import type { DatabaseLease } from './registry'

/** A request as it is watched. */
export interface WatchedRequest {
  /** The leases that it has out. */
  leases: () => DatabaseLease<unknown>[]
  /** Whether its response has begun. */
  hasBegun: () => boolean
  /** Called with the error that it is to be answered with. */
  giveUp: (error: Error) => void
}

/** Watches one request until the function that it returns is called. */
export type AnswerWatch = (request: WatchedRequest) => () => void

export interface AnswerWatchOptions {
  /** Milliseconds within which a request is given up whose database does not answer. */
  timeout: number
  /** Milliseconds that a database has to answer; a part of `timeout`. */
  askTimeout: number
  /** Asks the database of a client for nothing; undefined when that client cannot be asked. */
  ask: (client: unknown) => PromiseLike<unknown> | undefined
  log: { warn: (sentence: string) => void, info: (sentence: string) => void }
}

/**
 * Gives up requests whose databases have stopped answering. No timeout of a query would do: most clients have none, and a query may take long.
 * So the database is asked instead, once for all requests that hold its client, when one of them has been at work for long.
 * A request that has begun its response is left alone: a stream would break off.
 */
export function createAnswerWatch({ timeout, askTimeout, ask, log }: AnswerWatchOptions): AnswerWatch {
  const probes = new WeakMap<object, () => Promise<boolean>>()
  // A connection that is opened for the question belongs to no request.
  const outside = AsyncLocalStorage.snapshot()

  function createAnswers(client: object, label: string): () => Promise<boolean> {
    let silent = false
    let canAsk = true
    const probe = createProbe({
      timeout: askTimeout,
      run: () => {
        const asked = ask(client)
        canAsk = asked !== undefined
        return asked ?? new Promise(() => {})
      },
    })
    return async () => {
      const answers = await outside(probe) === undefined
      if (canAsk && answers === silent) {
        silent = !answers
        if (silent) log.warn(`The database of ${label} does not answer within ${askTimeout} ms: requests that wait for it get 503.`)
        else log.info(`The database of ${label} answers again.`)
      }
      return answers
    }
  }

  function answers({ client, label }: DatabaseLease<unknown>): Promise<boolean> {
    const key = client as object
    let probe = probes.get(key)
    if (!probe) {
      probe = createAnswers(key, label)
      probes.set(key, probe)
    }
    return probe()
  }

  return ({ leases, hasBegun, giveUp }) => {
    let timer: NodeJS.Timeout | undefined
    let stopped = false

    const lookLater = () => {
      timer = setTimeout(look, timeout - askTimeout)
    }
    const look = async () => {
      if (hasBegun()) return
      const held = leases()
      const answered = await Promise.all(held.map(answers))
      if (stopped || hasBegun()) return
      const silent = held.find((_, index) => !answered[index])
      if (!silent) return lookLater()
      giveUp(new DatabaseBusyError(`The database of ${silent.label} did not answer within ${timeout} ms (scale.database.answerTimeout): try again later.`, askTimeout))
    }

    lookLater()
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  }
}
