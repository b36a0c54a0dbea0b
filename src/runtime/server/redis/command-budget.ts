import type { Clock } from '../core/clock'
import { RedisTimeoutError, RedisUnavailableError, connectionFault } from './errors'
import { instrument } from '../core/instruments'
import type { RedisClient, RedisCommandName } from './types'
import type { Breaker } from './breaker'

/** The surroundings of a call: the client, the clock, and callbacks to the breaker. */
export interface CommandContext {
  client: RedisClient
  clock: Pick<Clock, 'now' | 'setTimeout' | 'clearTimeout' | 'setImmediate'>
  /** Returns the error for the caller when no call may start now; undefined when a call may start. */
  refusal: () => Error | undefined
  /** Called when a call was answered in time. */
  answered: () => void
  /** Milliseconds without an answer after which Redis counts as slow, even if the budget of a call is shorter. */
  patience: number
  /** Called when a call was not answered for that long. */
  expired: (reason: string) => void
  /** Called with the error of a call. Returns the error for the caller. */
  failed: (error: unknown) => unknown
}

/** A call on the client. */
export type RedisOperation<T> = (client: RedisClient) => Promise<T>

/** If a timer fires this many milliseconds late, the process itself was blocked. */
const STALL = 50
/** After a stall, the timer of a call starts again, at most this many times. */
const MOST_STALLS = 3

/**
 * Makes a call and rejects it at its deadline. Time in which this process was blocked does not count.
 *
 * It uses one timer per call. The option `commandTimeout` of ioredis costs several times as much.
 * The budget of a caller may be shorter than `patience`. Missing such a deadline does not count as a failure of Redis:
 * the breaker learns the outcome when the answer arrives, or when `patience` is over.
 *
 * @param budget milliseconds of the whole call, for the error message
 * @param left milliseconds that remain of the budget
 * @param name the command in metrics
 * @throws RedisTimeoutError at the deadline
 */
export function runWithinBudget<T>(
  context: CommandContext, operation: RedisOperation<T>, budget: number, left = budget, name: RedisCommandName = '_other',
): Promise<T> {
  return new Promise((resolve, reject) => new BoundedCall(context, budget, left, name, resolve, reject).make(operation))
}

const durations = instrument('db.client.operation.duration')

/** One call with a deadline. A class, because every command passes here and a closure for each step would cost more. */
class BoundedCall<T> {
  readonly #context: CommandContext
  readonly #budget: number
  readonly #left: number
  readonly #name: RedisCommandName
  readonly #resolve: (value: T) => void
  readonly #reject: (error: unknown) => void
  #settled = false
  #stalls = 0
  #timer: unknown
  /** When the timer should fire. */
  #due = 0
  #started = 0
  /** Whether the caller already got its timeout error. */
  #isLate = false

  constructor(
    context: CommandContext, budget: number, left: number, name: RedisCommandName,
    resolve: (value: T) => void, reject: (error: unknown) => void,
  ) {
    this.#context = context
    this.#budget = budget
    this.#left = left
    this.#name = name
    this.#resolve = resolve
    this.#reject = reject
  }

  make(operation: RedisOperation<T>): void {
    this.#wait(this.#left, false)
    this.#started = this.#due - this.#left
    try {
      operation(this.#context.client).then(value => this.#succeed(value), error => this.#fail(error))
    }
    catch (error) {
      this.#fail(error)
    }
  }

  /** @param isLate whether the caller already got its timeout error */
  #wait(milliseconds: number, isLate: boolean): void {
    const { clock } = this.#context
    this.#due = clock.now() + milliseconds
    this.#timer = clock.setTimeout(() => this.#ring(milliseconds, isLate), milliseconds)
  }

  #ring(milliseconds: number, isLate: boolean): void {
    if (this.#settled) return
    const { clock } = this.#context
    // This process was blocked, which is not a fault of the server. The command may not even have been sent.
    if (clock.now() - this.#due > STALL && this.#stalls++ < MOST_STALLS) this.#wait(milliseconds, isLate)
    // The answer may already be in the socket buffer, so read that first.
    else clock.setImmediate(() => this.#expire(isLate))
  }

  #expire(isLate: boolean): void {
    if (this.#settled) return
    const { patience, expired } = this.#context
    if (!isLate) {
      this.#measure('timeout')
      this.#reject(new RedisTimeoutError(this.#budget))
    }
    this.#isLate = true
    if (!isLate && this.#left < patience) return this.#wait(patience - this.#left, true)
    this.#settled = true
    expired(`no answer within ${Math.max(this.#budget, patience)} ms`)
  }

  #succeed(value: T): void {
    if (this.#settled) return
    this.#settle()
    this.#measure('')
    this.#context.answered()
    this.#resolve(value)
  }

  /** It also handles a rejection after the timeout, which would otherwise be an unhandled rejection. */
  #fail(error: unknown): void {
    if (this.#settled) return
    this.#settle()
    this.#measure(error instanceof Error && error.name === 'ReplyError' ? 'reply' : 'connection')
    this.#reject(this.#context.failed(error))
  }

  /** Records the time of the call for its caller. An answer after the deadline is not recorded again. */
  #measure(errorType: '' | 'timeout' | 'reply' | 'connection'): void {
    if (this.#isLate || !durations.enabled) return
    durations.record((this.#context.clock.now() - this.#started) / 1000, 'redis', this.#name, errorType)
  }

  #settle(): void {
    this.#settled = true
    this.#context.clock.clearTimeout(this.#timer)
  }
}

/**
 * Waits for the first connection, then makes the call within the rest of its budget.
 *
 * @param connected resolves when the first attempt to connect has succeeded or failed
 * @param budget milliseconds for the wait and the call together
 * @param name the command in metrics
 * @throws RedisTimeoutError at the deadline
 */
export function runOnceConnected<T>(
  context: CommandContext, connected: Promise<void>, operation: RedisOperation<T>, budget: number, name: RedisCommandName = '_other',
): Promise<T> {
  const { clock } = context
  const start = clock.now()
  return new Promise((resolve, reject) => {
    // The breaker does not count this as a failure: the socket is still connecting, so no command was sent.
    const timer = clock.setTimeout(() => reject(new RedisTimeoutError(budget)), budget)
    connected.then(() => {
      clock.clearTimeout(timer)
      const left = budget - (clock.now() - start)
      const refusal = context.refusal()
      if (refusal) {
        reject(refusal)
      }
      else if (left > 0) {
        runWithinBudget(context, operation, budget, left, name).then(resolve, reject)
      }
      else {
        reject(new RedisTimeoutError(budget))
      }
    })
  })
}

/** The recipients of information about a failed call. */
export interface FailedCommandContext {
  client: Pick<RedisClient, 'status'>
  breaker: Pick<Breaker, 'succeeded' | 'failed' | 'trip'>
  /** Called when the server refused a write because it is a replica. */
  demoted: () => void
}

/** Reports a failed call to the breaker and returns the error for the caller. */
export function judgeFailedCommand(error: unknown, { client, breaker, demoted }: FailedCommandContext): unknown {
  const fault = connectionFault(error)
  if (!fault) {
    if (error instanceof Error && error.name === 'ReplyError') {
      // An error reply proves that the server answers.
      breaker.succeeded()
    }
    return error
  }
  const readOnly = fault.startsWith('READONLY')
  if (readOnly) {
    demoted()
  }
  if (client.status === 'ready' && !readOnly) {
    breaker.failed(fault)
  }
  else {
    breaker.trip(fault)
  }
  return new RedisUnavailableError(fault)
}
