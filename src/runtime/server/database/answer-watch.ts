import { detached } from '../core/detached'
import { createProbe } from '../core/probe'
import { DatabaseBusyError } from './errors'
import type { DatabaseLease } from './registry'

/** A request that uses a database. */
interface WatchedRequest {
  /** The database leases that the request holds now. */
  leases: () => DatabaseLease<unknown>[]
  /** Whether its response has begun. */
  hasBegun: () => boolean
  /** Ends the request with this error. */
  giveUp: (error: Error) => void
}

/** Watches one request. The returned function stops the watch. */
export type AnswerWatch = (request: WatchedRequest) => () => void

export interface AnswerWatchOptions {
  /** Milliseconds after which a request gets 503 if its database does not answer. */
  timeout: number
  /** Milliseconds for the test query; a part of `timeout`. */
  askTimeout: number
  /** Runs a test query through a client; returns undefined if the client has no method for it. */
  ask: (client: unknown) => PromiseLike<unknown> | undefined
  log: { warn: (sentence: string) => void, info: (sentence: string) => void }
}

/**
 * Ends requests whose database has stopped answering.
 *
 * A query timeout cannot do this: most clients have none, and a slow query may be intended.
 * Instead, the watch sends a test query to the database of a long-running request. Requests with the same client share this query.
 * A request whose response has begun is not ended, because that would break a stream.
 */
export function createAnswerWatch({ timeout, askTimeout, ask, log }: AnswerWatchOptions): AnswerWatch {
  const probes = new WeakMap<object, () => Promise<boolean>>()
  // The test query may open a connection, which outlives the request: it must not keep the request's context alive.

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
      const answers = await detached(probe) === undefined
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
      const message = `The database of ${silent.label} did not answer within ${timeout} ms (scale.database.answerTimeout): try again later.`
      giveUp(new DatabaseBusyError(message, askTimeout))
    }

    lookLater()
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  }
}
