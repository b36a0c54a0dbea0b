import { detached } from '../core/detached'
import { withDeadline } from '../core/deadline'
import { publishChannel } from '../core/tracing-channels'
import type { Duration } from '../core/duration'
import type { Role } from '../core/instance'
import type { Broker } from './broker'
import type { RabbitClient } from './client'
import type { ConsumerSurroundings, RunningConsumer } from './consume/start-consumer'
import { startConsumer } from './consume/start-consumer'
import { describeError } from './consume/failure'
import { parseExchange, resolveConsumer } from './consume/resolve'
import type { ResolvedConsumer } from './consume/resolve'
import type { MessageHandler, RabbitConsumer } from './consume/types'
import { measurePublish } from './measure-messages'
import { PublishError } from './publish-error'
import type { PublishOptions } from './compose-message'
import { composeMessage } from './compose-message'
import type { OutgoingMessage } from './message'
import type { SqlTransaction } from './sql-client'
import type { RabbitmqSettings } from './settings'
import { parseWait } from './settings'
import { topologyOf } from './topology'
import type { MessageTransactions } from './transactions'
import { currentTrace, readTrace, runInTrace } from '../request/trace'

/** The messaging feature of one process. */
export interface RabbitFeature extends RabbitClient {
  /** Validates the consumers, declares their exchanges and queues, and starts them unless the role is `web`. */
  start: (consumers: readonly { source: string, consumer: RabbitConsumer }[]) => void
  /**
   * Same as `close` of the client.
   *
   * @param left remaining milliseconds of the shutdown. `scale.rabbitmq.drainTimeout` is the maximum in any case
   */
  close: (left?: number) => Promise<void>
}

export interface RabbitFeatureOptions {
  /** Promise of the broker. The server starts without waiting for it. */
  broker: Promise<Broker>
  settings: RabbitmqSettings
  role: Role
  log: { info: (message: string) => void, warn: (message: string) => void }
  /** The outbox and the inbox; undefined when they are disabled. */
  transactions?: MessageTransactions
  /** Returns the tenant of the current call; `''` if there is none. */
  currentTenant: () => string
  runAsTenant: (tenant: string, task: () => unknown) => unknown
}

const CONNECT_TIMEOUT = '5s'
/** Maximum number of exchange names that are remembered as valid. */
const REMEMBERED = 1000
/** Share of the drain timeout that is reserved for pending confirms and for closing the connections. */
const SHARE_FOR_CONFIRMS = 0.2

/** Creates the messaging feature. Call it outside any request: consumers run in the async context of this call. */
export function createRabbitFeature(options: RabbitFeatureOptions): RabbitFeature {
  const messaging = new Messaging(options)
  // Arrow functions, so that `const { publish } = useRabbit()` works.
  return {
    start: list => messaging.start(list),
    connect: ({ timeout = CONNECT_TIMEOUT } = {}) => messaging.connect(timeout),
    publish: (exchange, routingKey, message, given = {}) => messaging.publish(exchange, routingKey, message, given),
    subscribe: (exchange, queue, routingKey, handler, given = {}) =>
      messaging.subscribe({ exchange, queue, routingKey, handler: handler as MessageHandler<never>, ...given }),
    close: (left = Infinity) => messaging.close(left),
  }
}

class Messaging {
  readonly #options: RabbitFeatureOptions
  readonly #surroundings: Omit<ConsumerSurroundings, 'broker'>
  /** The consumer of each queue, by its file or its `subscribe()` call. */
  readonly #owners = new Map<string, string>()
  readonly #consumers = new Map<string, RunningConsumer>()
  #opened: Broker | undefined
  /** Settles when all pending declarations are done. A message that is published earlier might not find its queue. */
  #declared: Promise<unknown> = Promise.resolve()
  #declaring = 0
  /** Exchange names that are known to be valid. */
  readonly #exchanges = new Set<string>()
  #draining = false
  #closed = false
  #closing: Promise<void> | undefined

  constructor(options: RabbitFeatureOptions) {
    const { broker, log, transactions } = options
    this.#options = options
    this.#surroundings = surroundingsOf(options)
    broker.then((opened) => {
      this.#opened = opened
      if (!this.#draining) transactions?.start(opened)
    }, error => log.warn(`The messaging feature could not start: ${describeError(error)}`))
  }

  async connect(timeout: Duration): Promise<boolean> {
    const milliseconds = parseWait(timeout, 'timeout of connect()')
    return this.#options.broker.then(broker => broker.connect(milliseconds)).then(() => true, () => false)
  }

  async publish(exchange: string, routingKey: string, message: unknown, given: PublishOptions): Promise<void> {
    const { settings: { appId, publishTimeout }, currentTenant } = this.#options
    this.#checkExchange(exchange)
    const timeout = given.timeout === undefined ? publishTimeout : parseWait(given.timeout, 'timeout of publish()')
    const context = { appId, tenant: currentTenant(), trace: currentTrace(), now: Date.now() }
    const outgoing = composeMessage(exchange, routingKey, message, given, context)
    if (given.tx !== undefined) return this.#writeToOutbox(given.tx, outgoing)
    if (this.#closed) throw new PublishError('CLOSED', 'The message was not sent: the server is shutting down.')
    return publishChannel.hasSubscribers
      ? publishChannel.tracePromise(() => this.#send(outgoing, timeout), { operation: 'publish', exchange })
      : this.#send(outgoing, timeout)
  }

  #send(message: OutgoingMessage, timeout: number): Promise<void> {
    const { exchange } = message
    // The usual case, without the cost of a timer and four promises per message.
    const opened = this.#opened
    if (opened && this.#declaring === 0) return measurePublish(exchange, () => opened.publish(message, timeout))
    const end = performance.now() + timeout
    return measurePublish(exchange, async () => {
      const broker = await this.#untilReady(timeout)
      await broker.publish(message, Math.max(1, end - performance.now()))
    })
  }

  /** Validates the name of an exchange once instead of for every message. */
  #checkExchange(exchange: string): void {
    const exchanges = this.#exchanges
    if (exchange === '' || exchanges.has(exchange)) return
    parseExchange(exchange, this.#options.settings.prefix, 'publish()')
    if (exchanges.size < REMEMBERED) exchanges.add(exchange)
  }

  async #writeToOutbox(transaction: SqlTransaction, message: OutgoingMessage): Promise<void> {
    const { transactions } = this.#options
    if (!transactions) {
      throw new Error('publish() received a tx, but the outbox is disabled: '
        + 'set scale.rabbitmq.outbox to {}, and create its tables with npx nuxt-scale outbox.')
    }
    await transactions.write(transaction, message)
  }

  /** Waits up to `timeout` ms until the broker is open and everything is declared. */
  async #untilReady(timeout: number): Promise<Broker> {
    const ready = this.#options.broker.then(async (broker) => {
      await this.#declared
      return broker
    })
    const reason = 'The message was not sent: the queues of the app were not declared before the timeout.'
    return withDeadline(ready, timeout, () => new PublishError('UNAVAILABLE', reason))
  }

  start(list: readonly { source: string, consumer: RabbitConsumer }[]): void {
    const routes = list.map(({ source, consumer }) => {
      const resolved = resolveConsumer(consumer, this.#options.settings, source)
      this.#own(resolved, source)
      return resolved
    })
    if (routes.length > 0) detached(() => void this.#begin(routes).catch(() => {}))
  }

  async subscribe(given: RabbitConsumer): Promise<{ cancel: () => Promise<void> }> {
    const { exchange, queue } = given
    const source = `subscribe(${JSON.stringify(exchange)}, ${JSON.stringify(queue)})`
    const consumer = resolveConsumer(given, this.#options.settings, source)
    this.#own(consumer, source)
    await detached(() => this.#begin([consumer]))
    return { cancel: () => this.#cancel(queue) }
  }

  #own(consumer: ResolvedConsumer, source: string): void {
    const owner = this.#owners.get(consumer.queue)
    if (owner !== undefined) {
      throw new Error(`${owner} and ${source} both consume the queue ${consumer.queue}, so each would get only a part of its messages: `
        + 'give each consumer its own queue.')
    }
    this.#owners.set(consumer.queue, source)
  }

  /**
   * Declares all routes together and starts their consumers. Resolves when that is done, or immediately if the broker is not
   * connected.
   */
  async #begin(routes: readonly ResolvedConsumer[]): Promise<void> {
    this.#declaring++
    const broker = await this.#options.broker
    const done = this.#declareAndConsume(broker, routes)
    done.catch((error) => {
      const queues = routes.map(route => route.queue).join(', ')
      this.#options.log.warn(`The consumers of the queues ${queues} could not start: ${describeError(error)}`)
    })
    if (broker.state === 'connected') await done
  }

  async #declareAndConsume(broker: Broker, routes: readonly ResolvedConsumer[]): Promise<void> {
    const { role, settings: { prefix, queueType, deliveryLimit } } = this.#options
    // If the connection is lost meanwhile, the next connection declares the routes.
    const declaration = broker.declare(topologyOf(routes, { prefix, queueType, deliveryLimit }))
    this.#declared = Promise.allSettled([this.#declared, declaration]).then(() => this.#declaring--)
    await declaration
    if (role === 'web') return
    await Promise.all(routes.filter(route => !this.#draining && this.#owners.has(route.queue)).map((route) => {
      const { running, started } = startConsumer(route, { broker, ...this.#surroundings })
      this.#consumers.set(route.queue, running)
      return started
    }))
  }

  async #cancel(queue: string): Promise<void> {
    this.#owners.delete(queue)
    const running = this.#consumers.get(queue)
    this.#consumers.delete(queue)
    await running?.stop(AbortSignal.timeout(this.#options.settings.drainTimeout))
  }

  close(left: number): Promise<void> {
    return this.#closing ??= this.#drain(left)
  }

  async #drain(left: number): Promise<void> {
    const { broker: opening, settings, transactions } = this.#options
    const budget = Math.min(settings.drainTimeout, left)
    this.#draining = true
    const start = performance.now()
    const deadline = AbortSignal.timeout(Math.ceil(budget * (1 - SHARE_FOR_CONFIRMS)))
    await Promise.all([...this.#consumers.values()].map(consumer => consumer.stop(deadline)))
    this.#consumers.clear()
    await transactions?.stop(Math.max(1, budget * (1 - SHARE_FOR_CONFIRMS / 2) - (performance.now() - start)))
    this.#closed = true
    const broker = await opening.catch(() => undefined)
    await broker?.close(Math.max(1, budget - (performance.now() - start)))
  }
}

function surroundingsOf({ settings, log, transactions, runAsTenant }: RabbitFeatureOptions): Omit<ConsumerSurroundings, 'broker'> {
  const { prefix, publishTimeout } = settings
  return {
    prefix,
    publishTimeout,
    log,
    applyOnce: transactions?.applyOnce,
    detach: callback => (...values) => detached(callback, ...values),
    runFor({ tenant, traceparent, tracestate }, task) {
      const trace = readTrace(traceparent, tracestate)
      const traced = trace ? () => runInTrace(trace, task) : task
      return tenant === undefined ? traced() : runAsTenant(tenant, traced)
    },
  }
}
