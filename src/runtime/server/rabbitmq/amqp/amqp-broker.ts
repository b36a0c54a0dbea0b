import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../core/clock'
import { systemClock } from '../../core/clock'
import { withDeadline } from '../../core/deadline'
import { detached } from '../../core/detached'
import type { TlsSettings } from '../../core/tls'
import type { Broker, BrokerLog, BrokerState, Subscription } from '../broker'
import type { Delivery, OutgoingMessage } from '../message'
import type { BrokerTopology } from '../topology'
import { mergeTopologies } from '../topology'
import type { BrokerHost } from './broker-host'
import { parseBrokerHost } from './broker-host'
import type { CombinedState } from './combined-state'
import { createCombinedState } from './combined-state'
import type { Declarer } from './declarer'
import { createDeclarer } from './declarer'
import type { BufferOptions } from './publish-buffer'
import { choosePort, openPublishChannel } from './publish-channel'
import type { Publisher } from './publisher'
import { createPublisher } from './publisher'
import type { QueueInspector } from './queue-inspector'
import { createQueueInspector } from './queue-inspector'
import type { Subscriber } from './subscriber'
import { createSubscriber } from './subscriber'
import type { OpenConnection, SupervisedConnection } from './supervised-connection'
import { createSupervisedConnection } from './supervised-connection'

/** Options of {@link createAmqpBroker}. All times are in milliseconds. */
export interface AmqpBrokerOptions {
  /** One address per host, as `amqp://user:password@host:5672/vhost` or `amqps://…`. The hosts are tried in turn. */
  urls: readonly string[]
  /** TLS options for `amqps://`. @default the certificate authorities that Node trusts */
  tls?: TlsSettings
  /** Name of the app. It is the default `appId` of messages, and part of the connection name in the management UI. */
  appId?: string
  /** Maximum number of messages that are sent and not yet confirmed. @default 256 */
  window?: number
  /**
   * Whether messages are written as AMQP frames by this module, which takes less processor time. `false` sends them with amqplib's own
   * `publish()`.
   * @default true
   */
  frames?: boolean
  /** @default 10,000 messages, 64 MB, `reject` */
  buffer?: Partial<BufferOptions>
  /** Interval of the heartbeats. A connection without traffic is dropped after two to three intervals. @default 10_000 */
  heartbeat?: number
  /** Maximum time of an attempt to connect. @default 5_000 */
  connectTimeout?: number
  /** Maximum time until the broker answers a declaration or a query. @default 10_000 */
  operationTimeout?: number
  /** Longest pause between two attempts to connect. Pauses are random, with a bound that starts at 100 ms and doubles. @default 10_000 */
  maxBackoff?: number
  log: BrokerLog
  /** Clock, timers and random source. @default the system's */
  clock?: Clock
}

/** Milliseconds of a close that are reserved for closing the channels and connections; a quarter of the timeout if that is less. */
const CLOSING_TIME = 1000

/**
 * Creates a broker on RabbitMQ. It uses one connection to publish and one for everything else, because RabbitMQ stops reading from
 * connections that publish when it is short of memory or disk space. Consumers keep working on the other connection. It connects
 * when it is first used.
 *
 * Create it outside any request: sockets and timers run in the async context of this call.
 *
 * @see https://www.rabbitmq.com/docs/alarms
 * @throws Error when a URL is invalid
 */
export function createAmqpBroker(options: AmqpBrokerOptions): Broker {
  return new AmqpBroker(options)
}

class AmqpBroker implements Broker {
  readonly #options: AmqpBrokerOptions
  /** Maximum milliseconds until the broker answers. */
  readonly #patience: number
  readonly #clock: Clock
  readonly #combined: CombinedState
  readonly #declarer: Declarer
  readonly #publisher: Publisher
  readonly #publishing: SupervisedConnection
  readonly #consuming: SupervisedConnection
  readonly #subscribers = new Set<Subscriber>()
  #topology: BrokerTopology = { exchanges: [], queues: [], bindings: [] }
  #inspector: QueueInspector | undefined
  #started = false
  #closing: Promise<void> | undefined

  constructor(options: AmqpBrokerOptions) {
    const { log, window = 256, heartbeat = 10_000, operationTimeout = 10_000, clock = systemClock } = options
    this.#options = options
    this.#patience = operationTimeout
    const hosts = options.urls.map(url => parseBrokerHost(url, Math.max(1, Math.round(heartbeat / 1000))))
    if (hosts.length === 0) throw new Error('The URL of RabbitMQ is missing: write amqp://user:password@host:5672/vhost.')
    this.#clock = { ...clock, setTimeout: (callback, milliseconds) => detached(clock.setTimeout, callback, milliseconds) }
    this.#combined = createCombinedState(hosts.map(host => host.label).join(', '), log)
    this.#declarer = createDeclarer(log, this.#clock)
    const buffer = { messages: 10_000, bytes: 64_000_000, onFull: 'reject' as const, ...options.buffer }
    this.#publisher = createPublisher({ window, buffer, clock: this.#clock, soon: callback => detached(queueMicrotask, callback) })
    this.#publishing = this.#createPublishing(hosts)
    this.#consuming = this.#createConsuming(hosts)
  }

  #createPublishing(hosts: readonly BrokerHost[]): SupervisedConnection {
    const publisher = this.#publisher
    const combined = this.#combined
    const declarer = this.#declarer
    const timeout = this.#patience
    const { appId, log, frames = true } = this.#options
    const createPort = choosePort(frames, log)
    return createSupervisedConnection({
      ...this.#connectionOptions('publishing', hosts),
      onOpen: (connection, host) => {
        void openPublishChannel(connection, { publisher, declarer, topology: () => this.#topology, appId, createPort, timeout })
        combined.opened('publishing', host)
      },
      onLost(fault) {
        publisher.block(false)
        combined.lost('publishing', fault.text)
      },
      onBlocked(blocked, reason) {
        publisher.block(blocked)
        combined.block(blocked, reason)
      },
    })
  }

  #createConsuming(hosts: readonly BrokerHost[]): SupervisedConnection {
    return createSupervisedConnection({
      ...this.#connectionOptions('consuming', hosts),
      onOpen: (connection, host) => {
        this.#inspector = createQueueInspector(connection, this.#patience)
        for (const subscriber of this.#subscribers) void subscriber.open(connection)
        this.#combined.opened('consuming', host)
      },
      onLost: (fault) => {
        this.#inspector = undefined
        this.#combined.lost('consuming', fault.text)
      },
      onBlocked: () => {},
    })
  }

  #connectionOptions(role: string, hosts: readonly BrokerHost[]) {
    const { appId = 'nuxt-scale', tls, connectTimeout = 5000, maxBackoff = 10_000 } = this.#options
    const name = `${appId} (${role}, pid ${process.pid})`
    return { name, hosts, tls, connectTimeout, operationTimeout: this.#patience, maxBackoff, clock: this.#clock, setUp: this.#setUp }
  }

  /** Declares the whole topology, including parts that are added meanwhile. */
  readonly #setUp = async (connection: OpenConnection): Promise<void> => {
    for (let done: BrokerTopology | undefined; done !== this.#topology;) {
      done = this.#topology
      await this.#declarer.declare(connection, done)
    }
  }

  #start(): void {
    if (this.#started || this.#closing) return
    this.#started = true
    detached(() => {
      this.#publishing.start()
      this.#consuming.start()
    })
  }

  get state(): BrokerState {
    return this.#combined.state
  }

  onState(listener: (state: BrokerState, reason: string) => void): () => void {
    return this.#combined.listen(listener)
  }

  async connect(timeout: number): Promise<void> {
    const combined = this.#combined
    this.#start()
    if (combined.state === 'connected' || combined.state === 'blocked') return
    const late = () => new Error(`RabbitMQ at ${combined.address} cannot be reached within ${timeout} ms${combined.because}.`)
    await withDeadline(combined.whenConnected(), timeout, late)
  }

  async declare(added: BrokerTopology): Promise<void> {
    this.#topology = mergeTopologies(this.#topology, added)
    this.#start()
    const connection = this.#consuming.current
    // Ignore errors: the next connection declares the whole topology again.
    if (connection) await detached(() => this.#declarer.declare(connection, added)).catch(() => {})
  }

  publish(message: OutgoingMessage, timeout: number): Promise<void> {
    this.#start()
    return this.#publisher.publish(message, timeout)
  }

  async consume(queue: string, prefetch: number, take: (delivery: Delivery) => void): Promise<Subscription> {
    if (this.#closing) throw new Error(`The queue "${queue}" cannot be consumed: the connection to RabbitMQ is closed.`)
    this.#start()
    const subscriber: Subscriber = createSubscriber({
      queue,
      prefetch,
      take,
      log: this.#options.log,
      clock: this.#clock,
      timeout: this.#patience,
      declare: this.#setUp,
      onEnd: () => this.#subscribers.delete(subscriber),
    })
    this.#subscribers.add(subscriber)
    const connection = this.#consuming.current
    if (connection) await detached(() => subscriber.open(connection))
    return subscriber
  }

  get(queue: string): Promise<Delivery | undefined> {
    return this.#inspect(({ get }) => get(queue))
  }

  count(queue: string): Promise<number | undefined> {
    return this.#inspect(({ count }) => count(queue))
  }

  purge(queue: string): Promise<number> {
    return this.#inspect(({ purge }) => purge(queue))
  }

  async #inspect<Result>(work: (inspector: QueueInspector) => Promise<Result>): Promise<Result> {
    this.#start()
    if (!this.#inspector) throw new Error(`RabbitMQ is not connected${this.#combined.because}.`)
    return work(this.#inspector)
  }

  close(timeout: number): Promise<void> {
    this.#closing ??= detached(() => this.#closeAll(timeout))
    return this.#closing
  }

  async #closeAll(timeout: number): Promise<void> {
    const clock = this.#clock
    const publisher = this.#publisher
    const end = clock.now() + timeout
    const remaining = () => Math.max(0, end - clock.now())
    const kept = Math.min(CLOSING_TIME, timeout / 4)
    const all = [...this.#subscribers]
    await settleWithin(timeout - kept, [publisher.finish(), ...all.map(subscriber => subscriber.cancel())])
    // Handlers that waited for the last confirm may now acknowledge their delivery.
    await nextTurn()
    publisher.end()
    const half = remaining() / 2
    await settleWithin(half, [this.#inspector?.end(half), ...all.map(subscriber => subscriber.end(half))])
    const left = remaining()
    await Promise.all([this.#publishing.close(left), this.#consuming.close(left)])
    this.#combined.close()
  }
}

/** Waits until all work is done or one part has failed, but not longer than `timeout` ms. */
async function settleWithin(timeout: number, work: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  await withDeadline(Promise.all(work), timeout, () => new Error('no answer')).catch(() => {})
}
