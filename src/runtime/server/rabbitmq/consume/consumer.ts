import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { formatDuration } from '../../duration'
import type { Broker, Subscription } from '../broker'
import { HEADERS, textHeader } from '../headers'
import type { Delivery } from '../message'
import { decodeMessage } from './decode'
import { describeError } from './describe-error'
import { attemptOf, copyOf, judge, originOf } from './failure'
import type { MessageTransactions } from '../transactions'
import type { ResolvedConsumer } from './resolve'
import { runHandler } from './run-handler'
import type { MessageContext } from './types'

/** What all consumers share. */
export interface ConsumerSurroundings {
  broker: Broker
  prefix: string
  /** ms for the confirm of a copy that waits or is a dead letter. */
  publishTimeout: number
  log: { warn: (message: string) => void }
  /** Runs an effect once for each message; undefined where the outbox is off. */
  applyOnce: MessageTransactions['applyOnce'] | undefined
  /** Cuts a callback loose from the request in whose course it happens to be called, as by a message published inside this process. */
  detach: <Arguments extends unknown[]>(callback: (...values: Arguments) => void) => (...values: Arguments) => void
  /** Runs a handler on behalf of whom its message was published for. */
  runFor: (message: { tenant: string | undefined, traceparent: string | undefined, tracestate: string | undefined }, task: () => unknown) => unknown
}

/** A consumer at work. */
export interface RunningConsumer {
  /** Takes no more, gives back what has not begun, and waits for the handlers that run; those that `deadline` overtakes are aborted and their messages left to the broker. */
  stop: (deadline: AbortSignal) => Promise<void>
}

/** Pauses before a message is put back that found no way to its delay or its dead letters. */
const FIRST_PAUSE = 1000
const LONGEST_PAUSE = 30_000

/** Takes messages off a queue and runs the handler on them, at most `concurrency` at a time. */
export function startConsumer(consumer: ResolvedConsumer, surroundings: ConsumerSurroundings): { running: RunningConsumer, started: Promise<void> } {
  const { broker, log, prefix, publishTimeout, applyOnce, detach, runFor } = surroundings
  const { queue, concurrency, prefetch, delays, schema, timeout, dedupe } = consumer
  const waiting: Delivery[] = []
  const running = new Set<Promise<void>>()
  /** Ends pauses. */
  const stopping = new AbortController()
  /** Ends handlers. */
  const halt = new AbortController()
  /** Handlers that ran into their timeout and do not end. As many as may run; past that they take the places of others. */
  let overdue = 0

  function take(delivery: Delivery): void {
    if (stopping.signal.aborted) return delivery.release()
    waiting.push(delivery)
    begin()
  }

  function begin(): void {
    while (waiting.length > 0 && running.size + Math.max(0, overdue - concurrency) < concurrency) {
      const work: Promise<void> = handle(waiting.shift()!).finally(() => {
        running.delete(work)
        begin()
      })
      running.add(work)
    }
  }

  async function handle(delivery: Delivery): Promise<void> {
    try {
      await attempt(delivery)
    }
    catch (error) {
      if (halt.signal.aborted) return delivery.release()
      return await fail(delivery, error)
    }
    delivery.ack()
  }

  async function attempt(delivery: Delivery): Promise<void> {
    const { content, properties, redelivered } = delivery
    const message = await decodeMessage(content, properties.contentType, schema)
    const context: Omit<MessageContext, 'signal'> = { ...originOf(delivery), attempt: attemptOf(delivery), queue, properties, redelivered }
    const about = {
      tenant: textHeader(properties.headers, HEADERS.tenant),
      traceparent: textHeader(properties.headers, HEADERS.traceparent),
      tracestate: textHeader(properties.headers, HEADERS.tracestate),
    }
    const run = runHandler(signal => runFor(about, () => dedupe === undefined
      ? consumer.handler(message, { ...context, signal })
      : applyOnce!({ database: dedupe, queue, messageId: properties.messageId, timeout }, async tx => consumer.handler(message, { ...context, signal, tx } as MessageContext))), timeout, halt.signal)
    let done = false
    const finished = run.finished.then(() => done = true)
    try {
      await run.outcome
    }
    catch (error) {
      // The handler's own failure ends it in this same turn.
      await Promise.resolve()
      if (!done) {
        overdue++
        void finished.then(() => {
          overdue--
          begin()
        })
      }
      throw error
    }
  }

  /** Hands a copy over to its delay or its dead letters, and only then settles the delivery. */
  async function fail(delivery: Delivery, error: unknown): Promise<void> {
    const attempt = attemptOf(delivery)
    const verdict = judge(error, attempt, delays)
    try {
      await broker.publish(copyOf(delivery, verdict, error, prefix, new Date()), publishTimeout)
    }
    catch (refusal) {
      const pause = Math.min(FIRST_PAUSE * 2 ** delivery.deliveryCount, LONGEST_PAUSE)
      log.warn(`A message of ${queue} failed (${describeError(error)}) and could not be put aside, so it is tried again in ${pause / 1000} s: ${describeError(refusal)}`)
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => {})
      return delivery.reject(true)
    }
    if (verdict.kind === 'dead') log.warn(`A message of ${queue} is now a dead letter (${verdict.reason}, attempt ${attempt}): ${describeError(error)}`)
    // Said once, or the log would be silent until the last attempt, minutes later. The content is not shown: it is somebody's data.
    else if (attempt === 1) {
      const next = formatDuration(verdict.delay)
      log.warn(`A message of the queue ${queue} failed at attempt 1 of ${delays.length + 1} and is tried again in ${next}: ${describeError(error)}`)
    }
    delivery.ack()
  }

  const subscribing = broker.consume(queue, prefetch, detach(take))

  return {
    started: subscribing.then(() => {}),
    running: {
      async stop(deadline) {
        stopping.abort()
        const giveUp = () => halt.abort(new Error('The server stops.'))
        deadline.addEventListener('abort', giveUp)
        if (deadline.aborted) giveUp()
        // Nothing here may outlast the deadline, whatever handlers and the broker do.
        const given = halt.signal.aborted ? Promise.resolve() : new Promise(resolve => halt.signal.addEventListener('abort', resolve))
        await Promise.race([cancel(subscribing), given])
        for (const delivery of waiting.splice(0)) delivery.release()
        while (running.size > 0 && !halt.signal.aborted) await Promise.race([Promise.all(running), given])
        // The turn in which handlers that were aborted give their messages back.
        await nextTurn()
        deadline.removeEventListener('abort', giveUp)
        giveUp()
      },
    },
  }
}

async function cancel(subscribing: Promise<Subscription>): Promise<void> {
  const subscription = await subscribing.catch(() => undefined)
  await subscription?.cancel().catch(() => {})
}
