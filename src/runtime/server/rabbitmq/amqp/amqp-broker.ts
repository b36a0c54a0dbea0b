import { setImmediate as nextTurn } from 'node:timers/promises'
import { detached } from '../../core/detached'
import { withDeadline } from '../../core/deadline'
import type { Broker, BrokerLog } from '../broker'
import type { Topology } from '../topology'
import { mergeTopologies } from '../topology'
import { createCombinedState } from './combined-state'
import type { Clock } from '../../core/clock'
import { systemClock } from '../../core/clock'
import type { OpenConnection } from './supervised-connection'
import { createSupervisedConnection } from './supervised-connection'
import type { Subscriber } from './subscriber'
import { createSubscriber } from './subscriber'
import { createDeclarer } from './declarer'
import { parseBrokerHost } from './broker-host'
import type { QueueInspector } from './queue-inspector'
import { createQueueInspector } from './queue-inspector'
import { createPublisher } from './publisher'
import { publishOn } from './publish-channel'
import type { TlsSettings } from '../../core/tls'
import type { BufferOptions } from './publish-buffer'

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
  const { log, appId, window = 256, heartbeat = 10_000, connectTimeout = 5000, operationTimeout = 10_000, maxBackoff = 10_000 } = options
  const buffer = { messages: 10_000, bytes: 64_000_000, onFull: 'reject' as const, ...options.buffer }
  const hosts = options.urls.map(url => parseBrokerHost(url, Math.max(1, Math.round(heartbeat / 1000))))
  if (hosts.length === 0) throw new Error('The URL of RabbitMQ is missing: write amqp://user:password@host:5672/vhost.')

  const given = options.clock ?? systemClock
  const clock: Clock = {
    ...given,
    setTimeout: (callback, milliseconds) => detached(given.setTimeout, callback, milliseconds),
  }
  const combined = createCombinedState(hosts.map(host => host.label).join(', '), log)
  const declarer = createDeclarer(log, clock)
  const publisher = createPublisher({ window, buffer, clock, soon: callback => detached(queueMicrotask, callback) })
  const subscribers = new Set<Subscriber>()
  let topology: Topology = { exchanges: [], queues: [], bindings: [] }
  let inspector: QueueInspector | undefined
  let started = false
  let closing: Promise<void> | undefined

  /** Declares the whole topology, including parts that are added meanwhile. */
  async function setUp(connection: OpenConnection): Promise<void> {
    for (let done: Topology | undefined; done !== topology;) {
      done = topology
      await declarer.declare(connection, done)
    }
  }

  const shared = { hosts, tls: options.tls, connectTimeout, operationTimeout, maxBackoff, clock, setUp }
  const publishing = createSupervisedConnection({
    ...shared,
    name: nameOf(appId, 'publishing'),
    onOpen(connection, host) {
      void publishOn(connection, { publisher, declarer, topology: () => topology, appId, timeout: operationTimeout })
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
  const consuming = createSupervisedConnection({
    ...shared,
    name: nameOf(appId, 'consuming'),
    onOpen(connection, host) {
      inspector = createQueueInspector(connection, operationTimeout)
      for (const subscriber of subscribers) void subscriber.open(connection)
      combined.opened('consuming', host)
    },
    onLost(fault) {
      inspector = undefined
      combined.lost('consuming', fault.text)
    },
    onBlocked: () => {},
  })

  function start(): void {
    if (started || closing) return
    started = true
    detached(() => {
      publishing.start()
      consuming.start()
    })
  }

  async function inspect<Result>(work: (inspector: QueueInspector) => Promise<Result>): Promise<Result> {
    start()
    if (!inspector) throw new Error(`RabbitMQ is not connected${combined.because}.`)
    return work(inspector)
  }

  async function closeAll(timeout: number): Promise<void> {
    const end = clock.now() + timeout
    const kept = Math.min(CLOSING_TIME, timeout / 4)
    const within = <Result>(work: Promise<Result>, milliseconds: number) =>
      withDeadline(work, milliseconds, () => new Error('no answer')).catch(() => {})
    const all = [...subscribers]
    await within(Promise.all([publisher.finish(), ...all.map(subscriber => subscriber.cancel())]), timeout - kept)
    // Handlers that waited for the last confirm may now acknowledge their delivery.
    await nextTurn()
    publisher.end()
    const half = Math.max(0, end - clock.now()) / 2
    await within(Promise.all([inspector?.end(half), ...all.map(subscriber => subscriber.end(half))]), half)
    const left = Math.max(0, end - clock.now())
    await Promise.all([publishing.close(left), consuming.close(left)])
    combined.close()
  }

  return {
    get state() {
      return combined.state
    },
    async connect(timeout) {
      start()
      if (combined.state === 'connected' || combined.state === 'blocked') return
      const late = () => new Error(`RabbitMQ at ${combined.address} cannot be reached within ${timeout} ms${combined.because}.`)
      await withDeadline(combined.whenConnected(), timeout, late)
    },
    async declare(added) {
      topology = mergeTopologies(topology, added)
      start()
      const connection = consuming.current
      // Ignore errors: the next connection declares the whole topology again.
      if (connection) await detached(() => declarer.declare(connection, added)).catch(() => {})
    },
    publish(message, timeout) {
      start()
      return publisher.publish(message, timeout)
    },
    async consume(queue, prefetch, take) {
      if (closing) throw new Error(`The queue "${queue}" cannot be consumed: the connection to RabbitMQ is closed.`)
      start()
      const subscriber: Subscriber = createSubscriber({
        queue,
        prefetch,
        take,
        log,
        clock,
        timeout: operationTimeout,
        declare: setUp,
        onEnd: () => subscribers.delete(subscriber),
      })
      subscribers.add(subscriber)
      const connection = consuming.current
      if (connection) await detached(() => subscriber.open(connection))
      return subscriber
    },
    get: queue => inspect(({ get }) => get(queue)),
    count: queue => inspect(({ count }) => count(queue)),
    purge: queue => inspect(({ purge }) => purge(queue)),
    close(timeout) {
      closing ??= detached(() => closeAll(timeout))
      return closing
    },
    onState: combined.listen,
  }
}

function nameOf(appId: string | undefined, role: string): string {
  return `${appId ?? 'nuxt-scale'} (${role}, pid ${process.pid})`
}
