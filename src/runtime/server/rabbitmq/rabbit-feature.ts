import { detached } from '../core/detached'
import { withDeadline } from '../core/deadline'
import type { Role } from '../core/role'
import type { Broker } from './broker'
import type { RabbitClient } from './client'
import type { ConsumerSurroundings, RunningConsumer } from './consume/start-consumer'
import { startConsumer } from './consume/start-consumer'
import { describeError } from './consume/failure'
import { parseExchange, resolveConsumer } from './consume/resolve'
import type { ResolvedConsumer } from './consume/resolve'
import type { MessageHandler, RabbitConsumer } from './consume/types'
import { PublishError } from './publish-error'
import { composeMessage } from './compose-message'
import type { RabbitmqSettings } from './settings'
import { parseWait } from './settings'
import { topologyOf } from './topology'
import type { MessageTransactions } from './transactions'
import { currentTrace, readTrace, runInTrace } from './trace'

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
  const { broker: opening, settings, role, log, transactions, currentTenant, runAsTenant } = options
  const { prefix, publishTimeout, appId, queueType, deliveryLimit, drainTimeout } = settings
  // Runs callbacks in the async context of the start, which belongs to no request.
  /** The consumer of each queue, by its file or its `subscribe()` call. */
  const owners = new Map<string, string>()
  const consumers = new Map<string, RunningConsumer>()
  let opened: Broker | undefined
  /** Settles when all pending declarations are done. A message that is published earlier might not find its queue. */
  let declared: Promise<unknown> = Promise.resolve()
  let declaring = 0
  /** Exchange names that are known to be valid. */
  const exchanges = new Set<string>()
  let draining = false
  let closed = false
  let closing: Promise<void> | undefined
  opening.then((broker) => {
    opened = broker
    if (!draining) transactions?.start(broker)
  }, error => log.warn(`The messaging feature could not start: ${describeError(error)}`))

  const surroundings: Omit<ConsumerSurroundings, 'broker'> = {
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

  function own(consumer: ResolvedConsumer, source: string): void {
    const owner = owners.get(consumer.queue)
    if (owner !== undefined) {
      throw new Error(`${owner} and ${source} both consume the queue ${consumer.queue}, so each would get only a part of its messages: `
        + 'give each consumer its own queue.')
    }
    owners.set(consumer.queue, source)
  }

  /**
   * Declares all routes together and starts their consumers. Resolves when that is done, or immediately if the broker is not
   * connected.
   */
  async function begin(routes: readonly ResolvedConsumer[]): Promise<void> {
    declaring++
    const broker = await opening
    const done = (async () => {
      // If the connection is lost meanwhile, the next connection declares the routes.
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
    done.catch((error) => {
      log.warn(`The consumers of the queues ${routes.map(route => route.queue).join(', ')} could not start: ${describeError(error)}`)
    })
    if (broker.state === 'connected') await done
  }

  /** Validates the name of an exchange once instead of for every message. */
  function checkExchange(exchange: string): void {
    if (exchange === '' || exchanges.has(exchange)) return
    parseExchange(exchange, prefix, 'publish()')
    if (exchanges.size < REMEMBERED) exchanges.add(exchange)
  }

  /** Waits up to `timeout` ms until the broker is open and everything is declared. */
  async function untilReady(timeout: number): Promise<Broker> {
    const ready = opening.then(async (broker) => {
      await declared
      return broker
    })
    const reason = 'The message was not sent: the queues of the app were not declared before the timeout.'
    return withDeadline(ready, timeout, () => new PublishError('UNAVAILABLE', reason))
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
      if (routes.length > 0) detached(() => void begin(routes).catch(() => {}))
    },
    async connect({ timeout = CONNECT_TIMEOUT } = {}) {
      const milliseconds = parseWait(timeout, 'timeout of connect()')
      return opening.then(broker => broker.connect(milliseconds)).then(() => true, () => false)
    },
    async publish(exchange, routingKey, message, options = {}) {
      checkExchange(exchange)
      const timeout = options.timeout === undefined ? publishTimeout : parseWait(options.timeout, 'timeout of publish()')
      const context = { appId, tenant: currentTenant(), trace: currentTrace(), now: Date.now() }
      const outgoing = composeMessage(exchange, routingKey, message, options, context)
      if (options.tx !== undefined) {
        if (!transactions) {
          throw new Error('publish() received a tx, but the outbox is disabled: '
            + 'set scale.rabbitmq.outbox to {}, and create its tables with npx nuxt-scale outbox.')
        }
        return transactions.write(options.tx, outgoing)
      }
      if (closed) throw new PublishError('CLOSED', 'The message was not sent: the server is shutting down.')
      // The usual case, without the cost of a timer and four promises per message.
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
      const given = { exchange, queue, routingKey, handler: handler as MessageHandler<never>, ...options }
      const consumer = resolveConsumer(given, settings, source)
      own(consumer, source)
      await detached(() => begin([consumer]))
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
