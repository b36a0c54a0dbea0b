import { detached } from '../../core/detached'
import { withDeadline } from '../../core/deadline'
import type { Broker } from '../broker'
import type { Topology } from '../topology'
import { mergeTopologies } from '../topology'
import { createAvailability } from './availability'
import type { Clock } from '../../core/clock'
import { systemClock } from '../../core/clock'
import type { OpenConnection } from './connection'
import { createConnection } from './connection'
import type { Consumer } from './consumer'
import { createConsumer } from './consumer'
import { createDeclarer } from './declarer'
import { parseHost } from './host'
import type { Inspector } from './inspector'
import { createInspector } from './inspector'
import type { AmqpBrokerOptions } from './options'
import { createPublisher } from './publisher'
import { publishOn } from './publishing'

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
  const hosts = options.urls.map(url => parseHost(url, Math.max(1, Math.round(heartbeat / 1000))))
  if (hosts.length === 0) throw new Error('The URL of RabbitMQ is missing: write amqp://user:password@host:5672/vhost.')

  const given = options.clock ?? systemClock
  const clock: Clock = {
    ...given,
    setTimeout: (callback, milliseconds) => detached(given.setTimeout, callback, milliseconds),
  }
  const availability = createAvailability(hosts.map(host => host.label).join(', '), log)
  const declarer = createDeclarer(log, clock)
  const publisher = createPublisher({ window, buffer, clock, soon: callback => detached(queueMicrotask, callback) })
  const consumers = new Set<Consumer>()
  let topology: Topology = { exchanges: [], queues: [], bindings: [] }
  let inspector: Inspector | undefined
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
  const publishing = createConnection({
    ...shared,
    name: nameOf(appId, 'publishing'),
    onOpen(connection, host) {
      void publishOn(connection, { publisher, declarer, topology: () => topology, appId, timeout: operationTimeout })
      availability.opened('publishing', host)
    },
    onLost(fault) {
      publisher.block(false)
      availability.lost('publishing', fault.text)
    },
    onBlocked(blocked, reason) {
      publisher.block(blocked)
      availability.block(blocked, reason)
    },
  })
  const consuming = createConnection({
    ...shared,
    name: nameOf(appId, 'consuming'),
    onOpen(connection, host) {
      inspector = createInspector(connection, operationTimeout)
      for (const consumer of consumers) void consumer.open(connection)
      availability.opened('consuming', host)
    },
    onLost(fault) {
      inspector = undefined
      availability.lost('consuming', fault.text)
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

  async function inspect<Result>(work: (inspector: Inspector) => Promise<Result>): Promise<Result> {
    start()
    if (!inspector) throw new Error(`RabbitMQ is not connected${availability.because}.`)
    return work(inspector)
  }

  async function closeAll(timeout: number): Promise<void> {
    const end = clock.now() + timeout
    const kept = Math.min(CLOSING_TIME, timeout / 4)
    const within = <Result>(work: Promise<Result>, milliseconds: number) =>
      withDeadline(work, milliseconds, () => new Error('no answer')).catch(() => {})
    const all = [...consumers]
    await within(Promise.all([publisher.finish(), ...all.map(consumer => consumer.cancel())]), timeout - kept)
    // Handlers that waited for the last confirm may now acknowledge their delivery.
    await new Promise(resolve => setImmediate(resolve))
    publisher.end()
    const half = Math.max(0, end - clock.now()) / 2
    await within(Promise.all([inspector?.end(half), ...all.map(consumer => consumer.end(half))]), half)
    const left = Math.max(0, end - clock.now())
    await Promise.all([publishing.close(left), consuming.close(left)])
    availability.close()
  }

  return {
    get state() {
      return availability.state
    },
    async connect(timeout) {
      start()
      if (availability.state === 'connected' || availability.state === 'blocked') return
      const late = () => new Error(`RabbitMQ at ${availability.address} cannot be reached within ${timeout} ms${availability.because}.`)
      await withDeadline(availability.whenConnected(), timeout, late)
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
      const consumer: Consumer = createConsumer({
        queue,
        prefetch,
        take,
        log,
        clock,
        timeout: operationTimeout,
        declare: setUp,
        onEnd: () => consumers.delete(consumer),
      })
      consumers.add(consumer)
      const connection = consuming.current
      if (connection) await detached(() => consumer.open(connection))
      return consumer
    },
    get: queue => inspect(({ get }) => get(queue)),
    count: queue => inspect(({ count }) => count(queue)),
    purge: queue => inspect(({ purge }) => purge(queue)),
    close(timeout) {
      closing ??= detached(() => closeAll(timeout))
      return closing
    },
    onState: availability.listen,
  }
}

function nameOf(appId: string | undefined, role: string): string {
  return `${appId ?? 'nuxt-scale'} (${role}, pid ${process.pid})`
}
