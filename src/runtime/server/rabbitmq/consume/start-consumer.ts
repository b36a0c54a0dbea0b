import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { exponentialDelay } from '../../core/backoff'
import { formatDuration } from '../../core/duration'
import { consumeChannel } from '../../core/tracing-channels'
import type { Broker, Subscription } from '../broker'
import { HEADERS, textHeader } from '../headers'
import type { Delivery } from '../message'
import { decodeMessage } from './decode'
import type { Verdict } from './failure'
import { attemptOf, copyOf, describeError, judge, originOf } from './failure'
import { countDelivery, countFailure, recordHandler } from '../measure-messages'
import type { MessageTransactions } from '../transactions'
import type { ResolvedConsumer } from './resolve'
import { runHandler } from './run-handler'
import type { MessageContext } from './types'

/** Dependencies that all consumers of the process share. */
export interface ConsumerSurroundings {
  broker: Broker
  prefix: string
  /** Milliseconds to wait for the confirm of a copy that is published to a delay queue or a dead-letter queue. */
  publishTimeout: number
  log: { warn: (message: string) => void }
  /** Runs an effect once per message; undefined when the outbox is disabled. */
  applyOnce: MessageTransactions['applyOnce'] | undefined
  /**
   * Runs a callback outside the async context of the current request. With the in-memory broker, a publish inside a request would
   * otherwise pass its context on to the consumer.
   */
  detach: <Arguments extends unknown[]>(callback: (...values: Arguments) => void) => (...values: Arguments) => void
  /** Runs a task in the tenant and the trace of a message. */
  runFor: (
    message: { tenant: string | undefined, traceparent: string | undefined, tracestate: string | undefined },
    task: () => unknown,
  ) => unknown
}

/** A consumer that has been started. */
export interface RunningConsumer {
  /**
   * Stops consuming, returns the messages whose handler has not started, and waits for the running handlers. When `deadline` is
   * aborted, the handlers still running are aborted too, and the broker redelivers their messages.
   */
  stop: (deadline: AbortSignal) => Promise<void>
}

/** Pauses before a message is requeued that could not be copied to its delay queue or dead-letter queue. */
const PAUSES = { first: 1000, longest: 30_000 }

/**
 * Consumes a queue and runs the handler for each message, at most `concurrency` at the same time.
 *
 * @returns `started` resolves after the first try to subscribe
 */
export function startConsumer(
  consumer: ResolvedConsumer,
  surroundings: ConsumerSurroundings,
): { running: RunningConsumer, started: Promise<void> } {
  const running = new HandlingConsumer(consumer, surroundings)
  return { running, started: running.subscribing.then(() => {}) }
}

class HandlingConsumer implements RunningConsumer {
  readonly subscribing: Promise<Subscription>
  readonly #consumer: ResolvedConsumer
  readonly #surroundings: ConsumerSurroundings
  readonly #waiting: Delivery[] = []
  readonly #running = new Set<Promise<void>>()
  /** Aborted when the consumer stops: it ends pauses. */
  readonly #stopping = new AbortController()
  /** Aborted when the stop deadline passes: it aborts the handlers. */
  readonly #halt = new AbortController()
  /**
   * Number of handlers that exceeded their timeout and still run. The first `concurrency` of them do not use a slot; further ones
   * keep theirs, so that handlers that ignore their signal cannot pile up without limit.
   */
  #overdue = 0

  constructor(consumer: ResolvedConsumer, surroundings: ConsumerSurroundings) {
    this.#consumer = consumer
    this.#surroundings = surroundings
    const { broker, detach } = surroundings
    this.subscribing = broker.consume(consumer.queue, consumer.prefetch, detach(delivery => this.#take(delivery)))
  }

  #take(delivery: Delivery): void {
    if (this.#stopping.signal.aborted) return delivery.release()
    this.#waiting.push(delivery)
    this.#begin()
  }

  /** Starts handlers for waiting messages while slots are free. */
  #begin(): void {
    const waiting = this.#waiting
    const running = this.#running
    const { concurrency } = this.#consumer
    while (waiting.length > 0 && running.size + Math.max(0, this.#overdue - concurrency) < concurrency) {
      const work: Promise<void> = this.#handle(waiting.shift()!).finally(() => {
        running.delete(work)
        this.#begin()
      })
      running.add(work)
    }
  }

  async #handle(delivery: Delivery): Promise<void> {
    const { queue } = this.#consumer
    const started = performance.now()
    countDelivery(delivery)
    try {
      await (consumeChannel.hasSubscribers ? this.#traceAttempt(delivery) : this.#attempt(delivery))
      recordHandler(queue, started, false)
    }
    catch (error) {
      recordHandler(queue, started, true)
      if (this.#halt.signal.aborted) return delivery.release()
      return await this.#fail(delivery, error)
    }
    delivery.ack()
  }

  /** Handles a message, for the subscribers of the channel. */
  #traceAttempt(delivery: Delivery): Promise<void> {
    const { headers } = delivery.properties
    return consumeChannel.tracePromise(() => this.#attempt(delivery), {
      operation: 'process',
      queue: this.#consumer.queue,
      exchange: originOf(delivery).exchange,
      attempt: attemptOf(delivery),
      traceparent: textHeader(headers, HEADERS.traceparent),
      tracestate: textHeader(headers, HEADERS.tracestate),
    })
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const { content, properties } = delivery
    const message = await decodeMessage(content, properties.contentType, this.#consumer.schema)
    const run = runHandler(signal => this.#callHandler(message, delivery, signal), this.#consumer.timeout, this.#halt.signal)
    let done = false
    const finished = run.finished.then(() => done = true)
    try {
      await run.outcome
    }
    catch (error) {
      // If the handler itself threw, `finished` settles within this microtask. If it still runs, it exceeded its timeout or was aborted.
      await Promise.resolve()
      if (!done) this.#countOverdue(finished)
      throw error
    }
  }

  /** Calls the handler in the tenant and the trace of the message, and with `dedupe` within the transaction of the inbox. */
  #callHandler(message: unknown, delivery: Delivery, signal: AbortSignal): unknown {
    const { applyOnce, runFor } = this.#surroundings
    const consumer = this.#consumer
    const { queue, timeout, dedupe } = consumer
    const { properties, redelivered } = delivery
    const { headers, messageId } = properties
    const about = {
      tenant: textHeader(headers, HEADERS.tenant),
      traceparent: textHeader(headers, HEADERS.traceparent),
      tracestate: textHeader(headers, HEADERS.tracestate),
    }
    const context: MessageContext = { ...originOf(delivery), attempt: attemptOf(delivery), queue, properties, redelivered, signal }
    return runFor(about, () => dedupe === undefined
      ? consumer.handler(message, context)
      : applyOnce!(
          { database: dedupe, queue, messageId, timeout },
          async tx => consumer.handler(message, { ...context, tx } as MessageContext),
        ))
  }

  #countOverdue(finished: Promise<unknown>): void {
    this.#overdue++
    void finished.then(() => {
      this.#overdue--
      this.#begin()
    })
  }

  /** Publishes a copy to a delay queue or the dead-letter queue, and acknowledges the delivery only after the copy is confirmed. */
  async #fail(delivery: Delivery, error: unknown): Promise<void> {
    const { broker, prefix, publishTimeout } = this.#surroundings
    const verdict = judge(error, attemptOf(delivery), this.#consumer.delays)
    try {
      await broker.publish(copyOf(delivery, verdict, error, prefix, new Date()), publishTimeout)
    }
    catch (refusal) {
      return this.#requeueLater(delivery, error, refusal)
    }
    this.#logFailure(attemptOf(delivery), verdict, error)
    countFailure(this.#consumer.queue, verdict)
    delivery.ack()
  }

  async #requeueLater(delivery: Delivery, error: unknown, refusal: unknown): Promise<void> {
    const pause = exponentialDelay(delivery.deliveryCount, PAUSES)
    this.#surroundings.log.warn(`A message of the queue ${this.#consumer.queue} failed (${describeError(error)}), `
      + 'and could not be copied to its delay queue or dead-letter queue. '
      + `It is retried in ${pause / 1000} s: ${describeError(refusal)}`)
    await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(() => {})
    delivery.reject(true)
  }

  #logFailure(attempt: number, verdict: Verdict, error: unknown): void {
    const { queue, delays } = this.#consumer
    const { log } = this.#surroundings
    if (verdict.kind === 'dead') {
      const why = `${verdict.reason}, attempt ${attempt}`
      log.warn(`A message of the queue ${queue} was moved to its dead-letter queue (${why}): ${describeError(error)}`)
    }
    // Log the first failure too: the last attempt may be minutes away. Never log the content, which may be personal data.
    else if (attempt === 1) {
      const attempts = `attempt 1 of ${delays.length + 1}`
      const next = formatDuration(verdict.delay)
      log.warn(`A message of the queue ${queue} failed at ${attempts} and is retried in ${next}: ${describeError(error)}`)
    }
  }

  async stop(deadline: AbortSignal): Promise<void> {
    const halt = this.#halt
    const running = this.#running
    const waiting = this.#waiting
    this.#stopping.abort()
    const giveUp = () => halt.abort(new Error('The server is shutting down.'))
    deadline.addEventListener('abort', giveUp)
    if (deadline.aborted) giveUp()
    // Every wait ends at the deadline, even if a handler or the broker hangs.
    const given = halt.signal.aborted ? Promise.resolve() : new Promise(resolve => halt.signal.addEventListener('abort', resolve))
    await Promise.race([cancel(this.subscribing), given])
    for (const delivery of waiting.splice(0)) delivery.release()
    while (running.size > 0 && !halt.signal.aborted) await Promise.race([Promise.all(running), given])
    // Aborted handlers return their messages within this turn of the event loop.
    await nextTurn()
    deadline.removeEventListener('abort', giveUp)
    giveUp()
  }
}

async function cancel(subscribing: Promise<Subscription>): Promise<void> {
  const subscription = await subscribing.catch(() => undefined)
  await subscription?.cancel().catch(() => {})
}
