import type { ConsumeMessage } from 'amqplib'
import { withDeadline } from '../../core/deadline'
import type { BrokerLog, Subscription } from '../broker'
import type { Delivery } from '../message'
import { createBackoff } from '../../core/backoff'
import { closeChannel, openChannel } from './channel'
import type { Clock } from '../../core/clock'
import type { OpenConnection } from './supervised-connection'
import type { Fault } from '../fault'
import { REPLY, faultOf } from '../fault'
import type { DeliveryChannel } from './delivery-channel'
import { createDeliveryChannel } from './delivery-channel'

/** A subscriber of one queue. It subscribes again after its channel or connection was lost. */
export interface Subscriber extends Subscription {
  /** Subscribes on a new connection. It does not wait for running handlers, and never rejects. */
  open: (connection: OpenConnection) => Promise<void>
  /**
   * Sends pending acknowledgements and closes the channel within `timeout` ms. If `cancel` is already closing the channel, it waits
   * for that.
   */
  end: (timeout: number) => Promise<void>
}

/** Options of {@link createSubscriber}. */
export interface SubscriberOptions {
  queue: string
  prefetch: number
  take: (delivery: Delivery) => void
  /** Declares the topology again, for example after the queue was deleted. */
  declare: (connection: OpenConnection) => Promise<void>
  log: BrokerLog
  clock: Clock
  /** Maximum milliseconds until the broker answers. */
  timeout: number
  /** Called when the subscriber is cancelled and its channel is closed. The channel closes only after all its deliveries are settled. */
  onEnd: () => void
}

const FIRST_PAUSE = 100
const LONGEST_PAUSE = 10_000
/** Milliseconds after which a subscription counts as stable. */
const STABLE = 5000

/** Creates a subscriber. It subscribes when `open` is called with a connection. */
export function createSubscriber(options: SubscriberOptions): Subscriber {
  const { queue, prefetch, log, clock, timeout } = options
  const backoff = createBackoff({ base: FIRST_PAUSE, cap: LONGEST_PAUSE, clock })
  let deliveries: DeliveryChannel | undefined
  let closing: Promise<void> | undefined
  let consumerTag: string | undefined
  let since = 0
  let cancelled = false
  let retryTimer: unknown
  let complaint = ''
  /** Whether the queue did not exist at the last try to subscribe. */
  let missing = false

  async function open(connection: OpenConnection): Promise<void> {
    clock.clearTimeout(retryTimer)
    if (cancelled || connection.fault) return
    let opened: DeliveryChannel | undefined
    let fault: Fault | undefined
    try {
      // Declare again before each try: for a short time after a queue was deleted, RabbitMQ 4.3 answers as if it still existed.
      if (missing) await options.declare(connection)
      const channel = await openChannel(connection.model, { timeout, onClosed: (reason) => {
        fault = reason
        if (opened) lost(opened, connection, reason)
      } })
      if (fault) throw new Error(fault.text)
      if (cancelled) return void closeChannel(channel, timeout)
      opened = deliveries = createDeliveryChannel(channel, () => {
        if (cancelled && opened) void closeDeliveries(opened, timeout)
      })
      await answer(channel.prefetch(prefetch))
      await subscribe(opened, connection)
    }
    catch (error) {
      if (opened) lost(opened, connection, fault ?? faultOf(error))
      else retry(connection, fault ?? faultOf(error))
    }
  }

  async function subscribe(on: DeliveryChannel, connection: OpenConnection): Promise<void> {
    const receive = (message: ConsumeMessage | null) => {
      if (message) give(on.deliver(queue, message))
      else void restore(on, connection)
    }
    const answered = await answer(on.channel.consume(queue, receive))
    if (on !== deliveries) return
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
      log.warn(`A message of the queue "${queue}" could not be passed to its consumer and was requeued: ${faultOf(error).text}`)
      delivery.reject(true)
    }
  }

  /**
   * Subscribes again after the broker cancelled the subscription, because the queue was deleted or its node went down. The channel
   * stays open.
   */
  async function restore(on: DeliveryChannel, connection: OpenConnection): Promise<void> {
    if (on !== deliveries) return
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

  function lost(was: DeliveryChannel, connection: OpenConnection, fault: Fault): void {
    was.end()
    if (was !== deliveries) return
    deliveries = undefined
    consumerTag = undefined
    if (cancelled) options.onEnd()
    if (clock.now() - since > STABLE) backoff.reset()
    void closeChannel(was.channel, timeout)
    // Wait one microtask: if the whole connection is lost, its `fault` is set after the channels were closed.
    queueMicrotask(() => retry(connection, fault))
  }

  function retry(connection: OpenConnection, fault: Fault): void {
    if (cancelled || connection.fault) return
    if (fault.code === REPLY.NOT_FOUND) missing = true
    if (fault.text !== complaint) {
      complaint = fault.text
      log.warn(`The consumer of the queue "${queue}" was interrupted and is started again: ${fault.text}.`)
    }
    clock.clearTimeout(retryTimer)
    retryTimer = clock.setTimeout(() => void open(connection), backoff.next())
  }

  async function stop(on: DeliveryChannel, tag: string): Promise<void> {
    // If it fails, the channel is closed, which also ends the subscription.
    await answer((async () => on.channel.cancel(tag))()).catch(() => {})
    if (on.unsettled === 0) await closeDeliveries(on, timeout)
  }

  async function closeDeliveries(on: DeliveryChannel, within: number): Promise<void> {
    if (on === deliveries) {
      deliveries = undefined
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
      if (!deliveries) options.onEnd()
      else if (tag !== undefined) await stop(deliveries, tag)
    },
    async end(within) {
      cancelled = true
      clock.clearTimeout(retryTimer)
      await (deliveries ? closeDeliveries(deliveries, within) : closing)
    },
  }
}
