import { AsyncLocalStorage } from 'node:async_hooks'
import { withDeadline } from '../deadline'
import type { Role } from '../role'
import type { Broker } from './broker'
import type { RabbitClient } from './client'
import type { ConsumerSurroundings, RunningConsumer } from './consume/consumer'
import { startConsumer } from './consume/consumer'
import { describeError } from './consume/describe-error'
import { parseExchange, resolveConsumer } from './consume/resolve'
import type { ResolvedConsumer } from './consume/resolve'
import type { MessageHandler, RabbitConsumer } from './consume/types'
import { PublishError } from './errors'
import { composeMessage } from './publish/compose'
import type { RabbitmqSettings } from './settings'
import { parseWait } from './settings'
import { topologyOf } from './topology'
import type { MessageTransactions } from './transactions'
import { currentTrace, readTrace, runInTrace } from './trace'

/** The feature of one process. */
export interface RabbitFeature extends RabbitClient {
  /** Checks the consumers, declares everything they need, and starts them where the role has them. */
  start: (consumers: readonly { source: string, consumer: RabbitConsumer }[]) => void
  /**
   * As that of the client.
   * @param left milliseconds that it may take. @default the drain timeout, which is the most in any case
   */
  close: (left?: number) => Promise<void>
}

export interface RabbitFeatureOptions {
  /** What is opening: the boot waits for nothing. */
  broker: Promise<Broker>
  settings: RabbitmqSettings
  role: Role
  log: { info: (message: string) => void, warn: (message: string) => void }
  /** The outbox and the inbox, where they are on. */
  transactions?: MessageTransactions
  /** The tenant of the current call; '' for none. */
  currentTenant: () => string
  runAsTenant: (tenant: string, task: () => unknown) => unknown
}

const CONNECT_TIMEOUT = '5s'
/** How many names of exchanges are remembered as checked. */
const REMEMBERED = 1000
/** What is kept of the drain timeout for confirms and the end of connections. */
const SHARE_FOR_CONFIRMS = 0.2

export function createRabbitFeature({ broker: opening, settings, role, log, transactions, currentTenant, runAsTenant }: RabbitFeatureOptions): RabbitFeature {
  const { prefix, publishTimeout, appId, queueType, deliveryLimit, drainTimeout } = settings
  // The context of the boot, which belongs to no request.
  const outside = AsyncLocalStorage.snapshot()
  /** Who consumes each queue. */
  const owners = new Map<string, string>()
  const consumers = new Map<string, RunningConsumer>()
  let opened: Broker | undefined
  /** Declarations under way, or soon to be. A message that overtook them would find no queue. */
  let declared: Promise<unknown> = Promise.resolve()
  let declaring = 0
  /** Those that can be published to. */
  const exchanges = new Set<string>()
  let draining = false
  let closed = false
  let closing: Promise<void> | undefined
  opening.then((broker) => {
    opened = broker
    if (!draining) transactions?.start(broker)
  }, error => log.warn(`RabbitMQ cannot be used: ${describeError(error)}`))

  const surroundings: Omit<ConsumerSurroundings, 'broker'> = {
    prefix,
    publishTimeout,
    log,
    applyOnce: transactions?.applyOnce,
    detach: callback => (...values) => outside(callback, ...values),
    runFor({ tenant, traceparent, tracestate }, task) {
      const trace = readTrace(traceparent, tracestate)
      const traced = trace ? () => runInTrace(trace, task) : task
      return tenant === undefined ? traced() : runAsTenant(tenant, traced)
    },
  }

  function own(consumer: ResolvedConsumer, source: string): void {
    const owner = owners.get(consumer.queue)
    if (owner !== undefined) throw new Error(`${owner} and ${source} both consume the queue ${consumer.queue}, so each would get a part of its messages: give one of them a queue of its own.`)
    owners.set(consumer.queue, source)
  }

  /** Declares all routes in one go, and lets their consumers begin. Resolves when that is done, or at once when the broker is away. */
  async function begin(routes: readonly ResolvedConsumer[]): Promise<void> {
    declaring++
    const broker = await opening
    const done = (async () => {
      // What is not declared on this connection is on the next.
      const declaration = broker.declare(topologyOf(routes, { prefix, queueType, deliveryLimit }))
      declared = Promise.allSettled([declared, declaration]).then(() => declaring--)
      await declaration
      if (role === 'web') return
      await Promise.all(routes.filter(route => !draining && owners.has(route.queue)).map((route) => {
        const { running, started } = startConsumer(route, { broker, ...surroundings })
        consumers.set(route.queue, running)
        return started
      }))
    })()
    done.catch(error => log.warn(`Consumers of ${routes.map(route => route.queue).join(', ')} could not start: ${describeError(error)}`))
    if (broker.state === 'connected') await done
  }

  /** Names are checked once, not with every message. */
  function checkExchange(exchange: string): void {
    if (exchange === '' || exchanges.has(exchange)) return
    parseExchange(exchange, prefix, 'publish()')
    if (exchanges.size < REMEMBERED) exchanges.add(exchange)
  }

  /** The broker, when it is open and everything is declared; within `timeout` ms. */
  async function untilReady(timeout: number): Promise<Broker> {
    const ready = opening.then(async (broker) => {
      await declared
      return broker
    })
    return withDeadline(ready, timeout, () => new PublishError('UNAVAILABLE', 'The message was not sent: the queues of the app were not declared in time.'))
  }

  async function close(left: number): Promise<void> {
    const budget = Math.min(drainTimeout, left)
    draining = true
    const start = performance.now()
    const deadline = AbortSignal.timeout(Math.ceil(budget * (1 - SHARE_FOR_CONFIRMS)))
    await Promise.all([...consumers.values()].map(consumer => consumer.stop(deadline)))
    consumers.clear()
    await transactions?.stop(Math.max(1, budget * (1 - SHARE_FOR_CONFIRMS / 2) - (performance.now() - start)))
    closed = true
    const broker = await opening.catch(() => undefined)
    await broker?.close(Math.max(1, budget - (performance.now() - start)))
  }

  return {
    start(list) {
      const routes = list.map(({ source, consumer }) => {
        const resolved = resolveConsumer(consumer, settings, source)
        own(resolved, source)
        return resolved
      })
      if (routes.length > 0) outside(() => void begin(routes).catch(() => {}))
    },
    async connect({ timeout = CONNECT_TIMEOUT } = {}) {
      const milliseconds = parseWait(timeout, 'timeout of connect()')
      return opening.then(broker => broker.connect(milliseconds)).then(() => true, () => false)
    },
    async publish(exchange, routingKey, message, options = {}) {
      checkExchange(exchange)
      const timeout = options.timeout === undefined ? publishTimeout : parseWait(options.timeout, 'timeout of publish()')
      const outgoing = composeMessage(exchange, routingKey, message, options, { appId, tenant: currentTenant(), trace: currentTrace(), now: Date.now() })
      if (options.tx !== undefined) {
        if (!transactions) throw new Error('publish() was given a tx, and the outbox is off: set scale.rabbitmq.outbox to {}, and create its tables.')
        return transactions.write(options.tx, outgoing)
      }
      if (closed) throw new PublishError('CLOSED', 'The message was not stored: the server is closing.')
      // Nearly always. It spares each message a timer and four promises.
      if (opened && declaring === 0) {
        await opened.publish(outgoing, timeout)
        return
      }
      const end = performance.now() + timeout
      const broker = await untilReady(timeout)
      await broker.publish(outgoing, Math.max(1, end - performance.now()))
    },
    async subscribe(exchange, queue, routingKey, handler, options = {}) {
      const source = `subscribe(${JSON.stringify(exchange)}, ${JSON.stringify(queue)})`
      const consumer = resolveConsumer({ exchange, queue, routingKey, handler: handler as MessageHandler<never>, ...options }, settings, source)
      own(consumer, source)
      await outside(() => begin([consumer]))
      return {
        async cancel() {
          owners.delete(queue)
          const running = consumers.get(queue)
          consumers.delete(queue)
          await running?.stop(AbortSignal.timeout(drainTimeout))
        },
      }
    },
    close: (left = Infinity) => closing ??= close(left),
  }
}
