import type { ConsumeMessage } from 'amqplib'
import { withDeadline } from '../../deadline'
import type { Subscription } from '../broker'
import type { Delivery } from '../message'
import { createBackoff } from './backoff'
import { closeChannel, openChannel } from './channel'
import type { BrokerClock } from './clock'
import type { OpenConnection } from './connection'
import type { Fault } from './faults'
import { REPLY, faultOf } from './faults'
import type { BrokerLog } from './options'
import type { Session } from './session'
import { createSession } from './session'

/** A consumer that outlives its channels. */
export interface Consumer extends Subscription {
  /** Subscribes on a new connection. Never waits for what is being handled, and never rejects. */
  open: (connection: OpenConnection) => Promise<void>
  /** Closes its channel within `timeout` ms, also one that is being closed since it was cancelled; what was handled is told before. */
  end: (timeout: number) => Promise<void>
}

/** What a consumer is made of. */
export interface ConsumerOptions {
  queue: string
  prefetch: number
  take: (delivery: Delivery) => void
  /** Makes the queue again that was deleted. */
  declare: (connection: OpenConnection) => Promise<void>
  log: BrokerLog
  clock: BrokerClock
  /** Milliseconds that the broker has to answer. */
  timeout: number
  /** Called when it is cancelled and its channel is closed, and so not before everything that it was given is settled. */
  onEnd: () => void
}

const FIRST_PAUSE = 100
const LONGEST_PAUSE = 10_000
/** Milliseconds after which a subscription counts as stable. */
const STABLE = 5000

export function createConsumer(options: ConsumerOptions): Consumer {
  const { queue, prefetch, log, clock, timeout } = options
  const backoff = createBackoff({ base: FIRST_PAUSE, cap: LONGEST_PAUSE, clock })
  let session: Session | undefined
  let closing: Promise<void> | undefined
  let consumerTag: string | undefined
  let since = 0
  let cancelled = false
  let retryTimer: unknown
  let complaint = ''
  /** The queue was not there when it was asked for last. */
  let missing = false

  async function open(connection: OpenConnection): Promise<void> {
    clock.clearTimeout(retryTimer)
    if (cancelled || connection.fault) return
    let opened: Session | undefined
    let fault: Fault | undefined
    try {
      // It may not have been possible yet when the queue was deleted: RabbitMQ 4.3 answers for a while as if it were still there.
      if (missing) await options.declare(connection)
      const channel = await openChannel(connection.model, { timeout, onClosed: (reason) => {
        fault = reason
        if (opened) lost(opened, connection, reason)
      } })
      if (fault) throw new Error(fault.text)
      if (cancelled) return void closeChannel(channel, timeout)
      opened = session = createSession(channel, () => {
        if (cancelled && opened) void closeSession(opened, timeout)
      })
      await answer(channel.prefetch(prefetch))
      await subscribe(opened, connection)
    }
    catch (error) {
      if (opened) lost(opened, connection, fault ?? faultOf(error))
      else retry(connection, fault ?? faultOf(error))
    }
  }

  async function subscribe(on: Session, connection: OpenConnection): Promise<void> {
    const receive = (message: ConsumeMessage | null) => {
      if (message) give(on.deliver(queue, message))
      else void restore(on, connection)
    }
    const answered = await answer(on.channel.consume(queue, receive))
    if (on !== session) return
    missing = false
    consumerTag = answered.consumerTag
    since = clock.now()
    if (cancelled) await stop(on, answered.consumerTag)
  }

  function give(delivery: Delivery): void {
    if (cancelled) {
      delivery.release()
      return
    }
    try {
      options.take(delivery)
    }
    catch (error) {
      log.warn(`A message of the queue "${queue}" could not be given to its consumer: ${faultOf(error).text}`)
      delivery.reject(true)
    }
  }

  /** The broker ended the subscription: the queue was deleted, or its node went away. The channel lives on, for what is being handled. */
  async function restore(on: Session, connection: OpenConnection): Promise<void> {
    if (on !== session) return
    consumerTag = undefined
    if (cancelled) return
    try {
      await options.declare(connection)
      await subscribe(on, connection)
    }
    catch (error) {
      lost(on, connection, faultOf(error))
    }
  }

  function lost(was: Session, connection: OpenConnection, fault: Fault): void {
    was.end()
    if (was !== session) return
    session = undefined
    consumerTag = undefined
    if (cancelled) options.onEnd()
    if (clock.now() - since > STABLE) backoff.reset()
    void closeChannel(was.channel, timeout)
    // Where the whole connection is closed, it says so after its channels.
    queueMicrotask(() => retry(connection, fault))
  }

  function retry(connection: OpenConnection, fault: Fault): void {
    if (cancelled || connection.fault) return
    if (fault.code === REPLY.NOT_FOUND) missing = true
    if (fault.text !== complaint) {
      complaint = fault.text
      log.warn(`The consumer of the queue "${queue}" was stopped and is started again: ${fault.text}.`)
    }
    clock.clearTimeout(retryTimer)
    retryTimer = clock.setTimeout(() => void open(connection), backoff.next())
  }

  async function stop(on: Session, tag: string): Promise<void> {
    // Where it fails, the channel is gone, and the subscription with it.
    await answer((async () => on.channel.cancel(tag))()).catch(() => {})
    if (on.unsettled === 0) await closeSession(on, timeout)
  }

  async function closeSession(on: Session, within: number): Promise<void> {
    if (on === session) {
      session = undefined
      closing = on.close(within).then(options.onEnd)
    }
    await closing
  }

  function answer<Result>(work: Promise<Result>): Promise<Result> {
    return withDeadline(work, timeout, () => new Error(`RabbitMQ did not answer within ${timeout} ms`))
  }

  return {
    get active() {
      return consumerTag !== undefined && !cancelled
    },
    open,
    async cancel() {
      if (cancelled) return
      cancelled = true
      clock.clearTimeout(retryTimer)
      const tag = consumerTag
      consumerTag = undefined
      if (!session) options.onEnd()
      else if (tag !== undefined) await stop(session, tag)
    },
    async end(within) {
      cancelled = true
      clock.clearTimeout(retryTimer)
      await (session ? closeSession(session, within) : closing)
    },
  }
}
