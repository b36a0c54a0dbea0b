import type { ConsumeMessage } from 'amqplib'
import { withDeadline } from '../../core/deadline'
import type { BrokerLog, Subscription } from '../broker'
import type { Delivery } from '../message'
import type { Backoff } from '../../core/backoff'
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
  return new ResubscribingSubscriber(options)
}

class ResubscribingSubscriber implements Subscriber {
  readonly #options: SubscriberOptions
  readonly #backoff: Backoff
  #deliveries: DeliveryChannel | undefined
  #closing: Promise<void> | undefined
  #consumerTag: string | undefined
  #since = 0
  #cancelled = false
  #retryTimer: unknown
  #complaint = ''
  /** Whether the queue did not exist at the last try to subscribe. */
  #missing = false

  constructor(options: SubscriberOptions) {
    this.#options = options
    this.#backoff = createBackoff({ first: FIRST_PAUSE, longest: LONGEST_PAUSE, clock: options.clock })
  }

  get active(): boolean {
    return this.#consumerTag !== undefined && !this.#cancelled
  }

  async open(connection: OpenConnection): Promise<void> {
    const { prefetch, timeout, clock, declare } = this.#options
    clock.clearTimeout(this.#retryTimer)
    if (this.#cancelled || connection.fault) return
    let opened: DeliveryChannel | undefined
    let fault: Fault | undefined
    try {
      // Declare again before each try: for a short time after a queue was deleted, RabbitMQ 4.3 answers as if it still existed.
      if (this.#missing) await declare(connection)
      const channel = await openChannel(connection.model, { timeout, onClosed: (reason) => {
        fault = reason
        if (opened) this.#lost(opened, connection, reason)
      } })
      if (fault) throw new Error(fault.text)
      if (this.#cancelled) return void closeChannel(channel, timeout)
      opened = this.#deliveries = createDeliveryChannel(channel, () => {
        if (this.#cancelled && opened) void this.#closeDeliveries(opened, timeout)
      })
      await this.#answer(channel.prefetch(prefetch))
      await this.#subscribe(opened, connection)
    }
    catch (error) {
      if (opened) this.#lost(opened, connection, fault ?? faultOf(error))
      else this.#retry(connection, fault ?? faultOf(error))
    }
  }

  async #subscribe(on: DeliveryChannel, connection: OpenConnection): Promise<void> {
    const { queue, clock } = this.#options
    const receive = (message: ConsumeMessage | null) => {
      if (message) this.#give(on.deliver(queue, message))
      else void this.#restore(on, connection)
    }
    const answered = await this.#answer(on.channel.consume(queue, receive))
    if (on !== this.#deliveries) return
    this.#missing = false
    this.#consumerTag = answered.consumerTag
    this.#since = clock.now()
    if (this.#cancelled) await this.#stop(on, answered.consumerTag)
  }

  #give(delivery: Delivery): void {
    const { queue, log, take } = this.#options
    if (this.#cancelled) {
      delivery.release()
      return
    }
    try {
      take(delivery)
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
  async #restore(on: DeliveryChannel, connection: OpenConnection): Promise<void> {
    if (on !== this.#deliveries) return
    this.#consumerTag = undefined
    if (this.#cancelled) return
    try {
      await this.#options.declare(connection)
      await this.#subscribe(on, connection)
    }
    catch (error) {
      this.#lost(on, connection, faultOf(error))
    }
  }

  #lost(was: DeliveryChannel, connection: OpenConnection, fault: Fault): void {
    const { clock, timeout, onEnd } = this.#options
    was.end()
    if (was !== this.#deliveries) return
    this.#deliveries = undefined
    this.#consumerTag = undefined
    if (this.#cancelled) onEnd()
    if (clock.now() - this.#since > STABLE) this.#backoff.reset()
    void closeChannel(was.channel, timeout)
    // Wait one microtask: if the whole connection is lost, its `fault` is set after the channels were closed.
    queueMicrotask(() => this.#retry(connection, fault))
  }

  #retry(connection: OpenConnection, fault: Fault): void {
    const { queue, log, clock } = this.#options
    if (this.#cancelled || connection.fault) return
    if (fault.code === REPLY.NOT_FOUND) this.#missing = true
    if (fault.text !== this.#complaint) {
      this.#complaint = fault.text
      log.warn(`The consumer of the queue "${queue}" was interrupted and is started again: ${fault.text}.`)
    }
    clock.clearTimeout(this.#retryTimer)
    this.#retryTimer = clock.setTimeout(() => void this.open(connection), this.#backoff.next())
  }

  async cancel(): Promise<void> {
    if (this.#cancelled) return
    this.#cancelled = true
    this.#options.clock.clearTimeout(this.#retryTimer)
    const tag = this.#consumerTag
    this.#consumerTag = undefined
    if (!this.#deliveries) this.#options.onEnd()
    else if (tag !== undefined) await this.#stop(this.#deliveries, tag)
  }

  async #stop(on: DeliveryChannel, tag: string): Promise<void> {
    // If it fails, the channel is closed, which also ends the subscription.
    await this.#answer((async () => on.channel.cancel(tag))()).catch(() => {})
    if (on.unsettled === 0) await this.#closeDeliveries(on, this.#options.timeout)
  }

  async end(within: number): Promise<void> {
    this.#cancelled = true
    this.#options.clock.clearTimeout(this.#retryTimer)
    await (this.#deliveries ? this.#closeDeliveries(this.#deliveries, within) : this.#closing)
  }

  async #closeDeliveries(on: DeliveryChannel, within: number): Promise<void> {
    if (on === this.#deliveries) {
      this.#deliveries = undefined
      this.#closing = on.close(within).then(this.#options.onEnd)
    }
    await this.#closing
  }

  #answer<Result>(work: Promise<Result>): Promise<Result> {
    const { timeout } = this.#options
    return withDeadline(work, timeout, () => new Error(`RabbitMQ did not answer within ${timeout} ms`))
  }
}
