import type { Broker } from '../broker'
import { PublishError } from '../errors'
import type { OutgoingMessage } from '../message'
import { unroutable } from '../publish-errors'
import type { Topology } from '../topology'
import { createConnection } from './connection'
import type { EmbeddedExchange } from './exchange'
import { createExchange } from './exchange'
import type { DeathReason, EmbeddedQueue, QueueLimits, StoredMessage } from './queue'
import { createQueue } from './queue'

/** A broker in this process, with the semantics of RabbitMQ as far as the feature uses them. */
export interface EmbeddedServer {
  /** A connection of its own: what it was given and has not settled goes back when it closes. */
  connect: () => Broker
  /** Forgets everything. */
  stop: () => void
}

export interface EmbeddedServerOptions {
  /** Bounds of each queue. A full one refuses what is published. */
  limits: QueueLimits
  log: { warn: (message: string) => void }
}

/** What a connection needs of its server. */
export interface EmbeddedStore {
  declare: (topology: Topology) => void
  /** @throws PublishError when it was not stored */
  store: (message: OutgoingMessage) => void
  queue: (name: string) => EmbeddedQueue | undefined
}

export function createEmbeddedServer({ limits, log }: EmbeddedServerOptions): EmbeddedServer {
  const exchanges = new Map<string, EmbeddedExchange>()
  const queues = new Map<string, EmbeddedQueue>()
  const told = new Set<string>()
  const connections = new Set<Broker>()

  function tellOnce(sentence: string): void {
    if (told.has(sentence)) return
    told.add(sentence)
    log.warn(sentence)
  }

  function declare({ exchanges: wantedExchanges, queues: wantedQueues, bindings }: Topology): void {
    for (const { name, type } of wantedExchanges) {
      const known = exchanges.get(name)
      if (!known) exchanges.set(name, createExchange(type))
      else if (known.type !== type) tellOnce(`The exchange ${name} is declared already, as ${known.type} and not as ${type}: it is left as it is.`)
    }
    for (const declaration of wantedQueues) {
      const known = queues.get(declaration.name)
      if (known) {
        if (!isSame(known.declaration, declaration)) tellOnce(`The queue ${declaration.name} is declared already, with other arguments: it is left as it is.`)
        continue
      }
      queues.set(declaration.name, createQueue(declaration, limits, {
        deadLetter: (message, reason) => bury(declaration.name, message, reason),
        freed: () => queues.forEach(queue => queue.retryDead()),
      }))
    }
    for (const binding of bindings) {
      if (!exchanges.has(binding.exchange) || !queues.has(binding.queue)) throw new Error(`The queue ${binding.queue} cannot be bound to the exchange ${binding.exchange}: declare both.`)
      exchanges.get(binding.exchange)!.bind(binding)
    }
  }

  /** An exchange that nobody declared has no queue, like one that is declared where it is first used. */
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
    const full = targets.find(queue => !queue.hasFeature(content.length))
    if (full) throw new PublishError('REFUSED', `The message was not stored: the queue ${full.declaration.name} is full (${limits.messages} messages or ${limits.bytes} bytes).`)
    targets.forEach(queue => queue.enqueue({ ...message, content }))
  }

  /** Moves a dead letter; what has no place to go is dropped, as in RabbitMQ. */
  function bury(queue: string, message: StoredMessage, reason: DeathReason): boolean {
    const { deadLetterExchange, deadLetterKey } = queues.get(queue)!.declaration
    if (deadLetterExchange === undefined) return true
    const routingKey = deadLetterKey ?? message.routingKey
    const targets = route({ exchange: deadLetterExchange, routingKey })
    if (!targets.every(target => target.hasFeature(message.content.length))) return false
    const headers = { 'x-first-death-exchange': message.exchange, 'x-first-death-queue': queue, 'x-first-death-reason': reason, ...message.properties.headers }
    const letter = { exchange: deadLetterExchange, routingKey, content: message.content, properties: { ...message.properties, headers } }
    targets.forEach(target => target.enqueue(letter))
    return true
  }

  const shared: EmbeddedStore = { declare, store, queue: name => queues.get(name) }
  return {
    connect() {
      const connection = createConnection(shared)
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
