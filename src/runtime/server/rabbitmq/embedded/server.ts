import type { Broker } from '../broker'
import { PublishError, unroutable } from '../publish-error'
import type { OutgoingMessage } from '../message'
import type { ExchangeDeclaration, QueueDeclaration, BrokerTopology } from '../topology'
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
export function createEmbeddedServer(options: EmbeddedServerOptions): EmbeddedServer {
  return new MemoryServer(options)
}

class MemoryServer implements EmbeddedServer, EmbeddedStore {
  readonly #options: EmbeddedServerOptions
  readonly #exchanges = new Map<string, EmbeddedExchange>()
  readonly #queues = new Map<string, EmbeddedQueue>()
  readonly #warned = new Set<string>()
  readonly #connections = new Set<Broker>()

  constructor(options: EmbeddedServerOptions) {
    this.#options = options
  }

  connect(): Broker {
    const connection = createEmbeddedConnection(this)
    this.#connections.add(connection)
    const stopListening = connection.onState((state) => {
      if (state !== 'closed') return
      this.#connections.delete(connection)
      stopListening()
    })
    return connection
  }

  stop(): void {
    for (const connection of this.#connections) void connection.close(0)
    for (const queue of this.#queues.values()) queue.close()
    this.#queues.clear()
    this.#exchanges.clear()
  }

  queue(name: string): EmbeddedQueue | undefined {
    return this.#queues.get(name)
  }

  declare({ exchanges, queues, bindings }: BrokerTopology): void {
    for (const exchange of exchanges) this.#declareExchange(exchange)
    for (const queue of queues) this.#declareQueue(queue)
    for (const binding of bindings) {
      const exchange = this.#exchanges.get(binding.exchange)
      if (!exchange || !this.#queues.has(binding.queue)) {
        throw new Error(`The queue ${binding.queue} cannot be bound to the exchange ${binding.exchange}: declare both first.`)
      }
      exchange.bind(binding)
    }
  }

  #declareExchange({ name, type }: ExchangeDeclaration): void {
    const known = this.#exchanges.get(name)
    if (!known) this.#exchanges.set(name, createExchange(type))
    else if (known.type !== type) {
      this.#warnOnce(`The exchange ${name} already exists with the type ${known.type} instead of ${type}. It is used unchanged.`)
    }
  }

  #declareQueue(declaration: QueueDeclaration): void {
    const { name } = declaration
    const known = this.#queues.get(name)
    if (!known) {
      this.#queues.set(name, createQueue(declaration, this.#options.limits, {
        deadLetter: (message, reason) => this.#moveDeadLetter(name, message, reason),
        freed: () => this.#queues.forEach(queue => queue.retryDead()),
      }))
    }
    else if (!isSame(known.declaration, declaration)) {
      this.#warnOnce(`The queue ${name} already exists with other arguments. It is used unchanged.`)
    }
  }

  #warnOnce(sentence: string): void {
    if (this.#warned.has(sentence)) return
    this.#warned.add(sentence)
    this.#options.log.warn(sentence)
  }

  store(message: OutgoingMessage): void {
    const { limits } = this.#options
    const targets = this.#route(message)
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

  /** Returns the queues that a message is routed to. An unknown exchange routes to no queue, like a new exchange without bindings. */
  #route({ exchange, routingKey }: Pick<OutgoingMessage, 'exchange' | 'routingKey'>): EmbeddedQueue[] {
    const names = exchange === '' ? [routingKey] : this.#exchanges.get(exchange)?.route(routingKey) ?? []
    return [...names].flatMap(name => this.#queues.get(name) ?? [])
  }

  /**
   * Moves a dead letter to the queues of its dead-letter exchange. If there are none, it is dropped, as in RabbitMQ.
   *
   * @returns `false` if one is full
   */
  #moveDeadLetter(queue: string, message: StoredMessage, reason: DeathReason): boolean {
    const { deadLetterExchange, deadLetterKey } = this.#queues.get(queue)!.declaration
    if (deadLetterExchange === undefined) return true
    const routingKey = deadLetterKey ?? message.routingKey
    const targets = this.#route({ exchange: deadLetterExchange, routingKey })
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
}

function isSame(one: object, other: object): boolean {
  const sorted = (value: object) => JSON.stringify(Object.entries(value).filter(([, entry]) => entry !== undefined).sort())
  return sorted(one) === sorted(other)
}
