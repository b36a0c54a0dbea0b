import type { RedisClock } from './clock'
import { RedisTimeoutError } from './errors'
import type { RedisClient } from './types'

/** What a call on Redis needs besides its budget. */
export interface CommandContext {
  client: RedisClient
  clock: Pick<RedisClock, 'now' | 'setTimeout' | 'clearTimeout' | 'setImmediate'>
  /** Why no call may start now; undefined when one may. */
  refusal: () => Error | undefined
  /** Told that a call was answered in time. */
  answered: () => void
  /** Milliseconds without an answer after which Redis itself counts as slow, however short the budget of a call is. */
  patience: number
  /** Told that a call had no answer for that long. */
  expired: (reason: string) => void
  /** Told of the error of a call. Returns what the caller gets instead. */
  failed: (error: unknown) => unknown
}

/** A call on the client. */
export type RedisOperation<T> = (client: RedisClient) => Promise<T>

/** A timer that comes so many ms late tells of a stall of this process. */
const STALL = 50
/** Stalls in which a call gets its time again; past that it is given up all the same. */
const MOST_STALLS = 3

/**
 * Makes a call and gives it up when its time is over. Time in which this process stalled does not count.
 * One timer a call; the option `commandTimeout` of ioredis costs several times as much.
 * A caller may have less patience than the connection. Its deadline is then its own affair: what the answer says of Redis is judged when it
 * comes, or when it has not come within `patience`.
 *
 * @param budget milliseconds of the whole call, for the error
 * @param left milliseconds of it that are left
 * @throws RedisTimeoutError when the time is over
 */
export function runWithinBudget<T>(context: CommandContext, operation: RedisOperation<T>, budget: number, left = budget): Promise<T> {
  const { client, clock } = context
  return new Promise((resolve, reject) => {
    let settled = false
    let stalls = 0
    let timer: unknown
    const wait = (milliseconds: number, over: () => void): unknown => {
      const due = clock.now() + milliseconds
      return clock.setTimeout(() => {
        if (settled) return
        // A stall of this process is not the server's: the command may not even have left.
        if (clock.now() - due > STALL && stalls++ < MOST_STALLS) timer = wait(milliseconds, over)
        // The answer may lie unread in the socket: read it before judging.
        else clock.setImmediate(() => settled || over())
      }, milliseconds)
    }
    const expire = (): void => {
      reject(new RedisTimeoutError(budget))
      if (left < context.patience) timer = wait(context.patience - left, giveUp)
      else giveUp()
    }
    const giveUp = (): void => {
      settled = true
      context.expired(`no answer within ${Math.max(budget, context.patience)} ms`)
    }
    timer = wait(left, expire)
    const fail = (error: unknown): void => {
      // A rejection after the timeout ends here, so it is never an unhandled one.
      if (!settled) {
        settled = true
        clock.clearTimeout(timer)
        reject(context.failed(error))
      }
    }
    try {
      operation(client).then((value) => {
        if (!settled) {
          settled = true
          clock.clearTimeout(timer)
          context.answered()
          resolve(value)
        }
      }, fail)
    }
    catch (error) {
      fail(error)
    }
  })
}

/**
 * Waits for the first connection, then makes the call with what is left of its budget.
 *
 * @param connected resolves when the first attempt to connect has ended, one way or the other
 * @param budget milliseconds for the wait and the call
 * @throws RedisTimeoutError when the time is over
 */
export function runOnceConnected<T>(context: CommandContext, connected: Promise<void>, operation: RedisOperation<T>, budget: number): Promise<T> {
  const { clock } = context
  const start = clock.now()
  return new Promise((resolve, reject) => {
    // Not a failure of the breaker: nothing was asked yet, the socket is only connecting.
    const timer = clock.setTimeout(() => reject(new RedisTimeoutError(budget)), budget)
    connected.then(() => {
      clock.clearTimeout(timer)
      const left = budget - (clock.now() - start)
      const refusal = context.refusal()
      if (refusal) {
        reject(refusal)
      }
      else if (left > 0) {
        runWithinBudget(context, operation, budget, left).then(resolve, reject)
      }
      else {
        reject(new RedisTimeoutError(budget))
      }
    })
  })
}
