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
  return new Promise((resolve, reject) => new BoundedCall(context, budget, left, resolve, reject).make(operation))
}

/** One call under a deadline. An object, because every command passes here, and closures for each step would cost more. */
class BoundedCall<T> {
  private readonly context: CommandContext
  private readonly budget: number
  private readonly left: number
  private readonly resolve: (value: T) => void
  private readonly reject: (error: unknown) => void
  private settled = false
  private stalls = 0
  private timer: unknown
  /** When the timer should come. */
  private due = 0

  constructor(context: CommandContext, budget: number, left: number, resolve: (value: T) => void, reject: (error: unknown) => void) {
    this.context = context
    this.budget = budget
    this.left = left
    this.resolve = resolve
    this.reject = reject
  }

  make(operation: RedisOperation<T>): void {
    this.wait(this.left, false)
    try {
      operation(this.context.client).then(value => this.succeed(value), error => this.fail(error))
    }
    catch (error) {
      this.fail(error)
    }
  }

  /** @param isLate whether the caller was told already that its time is over */
  private wait(milliseconds: number, isLate: boolean): void {
    const { clock } = this.context
    this.due = clock.now() + milliseconds
    this.timer = clock.setTimeout(() => this.ring(milliseconds, isLate), milliseconds)
  }

  private ring(milliseconds: number, isLate: boolean): void {
    if (this.settled) return
    const { clock } = this.context
    // A stall of this process is not the server's: the command may not even have left.
    if (clock.now() - this.due > STALL && this.stalls++ < MOST_STALLS) this.wait(milliseconds, isLate)
    // The answer may lie unread in the socket: read it before judging.
    else clock.setImmediate(() => this.expire(isLate))
  }

  private expire(isLate: boolean): void {
    if (this.settled) return
    const { patience, expired } = this.context
    if (!isLate) this.reject(new RedisTimeoutError(this.budget))
    if (!isLate && this.left < patience) return this.wait(patience - this.left, true)
    this.settled = true
    expired(`no answer within ${Math.max(this.budget, patience)} ms`)
  }

  private succeed(value: T): void {
    if (this.settled) return
    this.settle()
    this.context.answered()
    this.resolve(value)
  }

  /** A rejection after the timeout ends here, so it is never an unhandled one. */
  private fail(error: unknown): void {
    if (this.settled) return
    this.settle()
    this.reject(this.context.failed(error))
  }

  private settle(): void {
    this.settled = true
    this.context.clock.clearTimeout(this.timer)
  }
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
