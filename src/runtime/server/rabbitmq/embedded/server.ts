import type { Broker } from '../broker'
import { PublishError, unroutable } from '../publish-error'
import type { OutgoingMessage } from '../message'
import type { Topology } from '../topology'
import type { EmbeddedStore } from './embedded-connection'
import { createEmbeddedConnection } from './embedded-connection'
import type { EmbeddedExchange } from './exchange'
import { createExchange } from './exchange'
import type { DeathReason, EmbeddedQueue, QueueLimits, StoredMessage } from './queue'
import { createQueue } from './queue'

/** An in-memory broker in this process. It has the semantics of RabbitMQ that nuxt-scale uses. */
export interface EmbeddedServer {
  /** Opens a connection. When it closes, its unsettled messages return to their queues. */
  connect: () => Broker
  /** Closes all connections and deletes all exchanges, queues and messages. */
  stop: () => void
}

export interface EmbeddedServerOptions {
  /** Limits of each queue. A full queue refuses further messages. */
  limits: QueueLimits
  log: { warn: (message: string) => void }
}

/** Creates an in-memory broker. Its messages are lost when the process stops. */
export function createEmbeddedServer({ limits, log }: EmbeddedServerOptions): EmbeddedServer {
  const exchanges = new Map<string, EmbeddedExchange>()
  const queues = new Map<string, EmbeddedQueue>()
  const warned = new Set<string>()
  const connections = new Set<Broker>()

  function warnOnce(sentence: string): void {
    if (warned.has(sentence)) return
    warned.add(sentence)
    log.warn(sentence)
  }

  function declare({ exchanges: wantedExchanges, queues: wantedQueues, bindings }: Topology): void {
    for (const { name, type } of wantedExchanges) {
      const known = exchanges.get(name)
      if (!known) exchanges.set(name, createExchange(type))
      else if (known.type !== type) {
        warnOnce(`The exchange ${name} already exists with the type ${known.type} instead of ${type}. It is used unchanged.`)
      }
    }
    for (const declaration of wantedQueues) {
      const known = queues.get(declaration.name)
      if (known) {
        if (!isSame(known.declaration, declaration)) {
          warnOnce(`The queue ${declaration.name} already exists with other arguments. It is used unchanged.`)
        }
        continue
      }
      queues.set(declaration.name, createQueue(declaration, limits, {
        deadLetter: (message, reason) => moveDeadLetter(declaration.name, message, reason),
        freed: () => queues.forEach(queue => queue.retryDead()),
      }))
    }
    for (const binding of bindings) {
      if (!exchanges.has(binding.exchange) || !queues.has(binding.queue)) {
        throw new Error(`The queue ${binding.queue} cannot be bound to the exchange ${binding.exchange}: declare both first.`)
      }
      exchanges.get(binding.exchange)!.bind(binding)
    }
  }

  /** Returns the queues that a message is routed to. An unknown exchange routes to no queue, like a new exchange without bindings. */
  function route({ exchange, routingKey }: Pick<OutgoingMessage, 'exchange' | 'routingKey'>): EmbeddedQueue[] {
    const names = exchange === '' ? [routingKey] : exchanges.get(exchange)?.route(routingKey) ?? []
    return [...names].flatMap(name => queues.get(name) ?? [])
  }

  function store(message: OutgoingMessage): void {
    const targets = route(message)
    if (targets.length === 0) {
      if (message.mandatory) throw unroutable(message)
      return
    }
    const content = Buffer.isBuffer(message.content) ? message.content : Buffer.from(message.content)
    const full = targets.find(queue => !queue.hasSpace(content.length))
    if (full) {
      throw new PublishError('REFUSED', `The message was not stored: the queue ${full.declaration.name} is full `
        + `(limit: ${limits.messages} messages or ${limits.bytes} bytes). Raise scale.rabbitmq.buffer, or set a URL of RabbitMQ.`)
    }
    targets.forEach(queue => queue.enqueue({ ...message, content }))
  }

  /**
   * Moves a dead letter to the queues of its dead-letter exchange. If there are none, it is dropped, as in RabbitMQ.
   *
   * @returns `false` if one is full
   */
  function moveDeadLetter(queue: string, message: StoredMessage, reason: DeathReason): boolean {
    const { deadLetterExchange, deadLetterKey } = queues.get(queue)!.declaration
    if (deadLetterExchange === undefined) return true
    const routingKey = deadLetterKey ?? message.routingKey
    const targets = route({ exchange: deadLetterExchange, routingKey })
    if (!targets.every(target => target.hasSpace(message.content.length))) return false
    const headers = {
      'x-first-death-exchange': message.exchange,
      'x-first-death-queue': queue,
      'x-first-death-reason': reason,
      ...message.properties.headers,
    }
    const properties = { ...message.properties, headers }
    const deadLetter = { exchange: deadLetterExchange, routingKey, content: message.content, properties }
    targets.forEach(target => target.enqueue(deadLetter))
    return true
  }

  const shared: EmbeddedStore = { declare, store, queue: name => queues.get(name) }
  return {
    connect() {
      const connection = createEmbeddedConnection(shared)
      connections.add(connection)
      const stopListening = connection.onState((state) => {
        if (state !== 'closed') return
        connections.delete(connection)
        stopListening()
      })
      return connection
    },
    stop() {
      for (const connection of connections) void connection.close(0)
      for (const queue of queues.values()) queue.close()
      queues.clear()
      exchanges.clear()
    },
  }
}

function isSame(one: object, other: object): boolean {
  const sorted = (value: object) => JSON.stringify(Object.entries(value).filter(([, entry]) => entry !== undefined).sort())
  return sorted(one) === sorted(other)
}
