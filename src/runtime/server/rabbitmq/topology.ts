/** Type of a queue. `quorum` queues are replicated and stored on disk; `classic` queues are stored on one node. */
export type QueueType = 'quorum' | 'classic'

export interface ExchangeDeclaration {
  name: string
  type: 'topic' | 'direct'
}

/** A durable queue. */
export interface QueueDeclaration {
  name: string
  type: QueueType
  /** Exchange for messages that are rejected, expire or exceed the delivery limit. */
  deadLetterExchange?: string
  /** Routing key of the dead letters. By default they keep their own. */
  deadLetterKey?: string
  /** How often a message may be redelivered before it becomes a dead letter. Quorum queues only. */
  deliveryLimit?: number
  /**
   * Milliseconds after which a message becomes a dead letter. All messages of a queue share one time, because a message expires
   * only at the head of its queue: one with a short time would wait behind one with a long time.
   */
  messageTtl?: number
}

export interface Binding {
  queue: string
  exchange: string
  routingKey: string
}

/** The exchanges, queues and bindings that must exist before messages are published. */
export interface BrokerTopology {
  exchanges: readonly ExchangeDeclaration[]
  queues: readonly QueueDeclaration[]
  bindings: readonly Binding[]
}

/** The queue of a consumer, its bindings and its retry pauses. */
export interface Route {
  exchange: string
  queue: string
  /** One or more topic patterns. `*` matches one word, `#` matches any number of words. */
  routingKeys: readonly string[]
  /** Pauses in ms before each retry. */
  delays: readonly number[]
}

/** Settings that apply to all routes. */
export interface TopologySettings {
  /** Prefix of the names of the exchanges and queues that nuxt-scale creates for itself. */
  prefix: string
  queueType: QueueType
  deliveryLimit: number
}

/** Suffix of the names of dead-letter queues. */
export const DEAD_LETTER_SUFFIX = '.dlq'

/** Returns the name of the dead-letter queue of a queue. */
export function deadLetterQueue(queue: string): string {
  return `${queue}${DEAD_LETTER_SUFFIX}`
}

/**
 * Returns the name of the exchange, and of its queue, in which messages wait for `delay` ms. Afterwards they return only to the
 * queue that their routing key names.
 */
export function delayExchange(prefix: string, delay: number): string {
  return `${prefix}.delay.${delay}`
}

/**
 * Returns the name of the exchange that routes dead letters to a dead-letter queue. Their routing key is the name of the original
 * queue.
 */
export function deadLetterExchange(prefix: string): string {
  return `${prefix}.dead`
}

/**
 * Returns the name of the exchange that routes retried messages back to their queue. Their routing key is the name of that queue,
 * so other queues that are bound to the original exchange do not get them again.
 */
export function returnExchange(prefix: string): string {
  return `${prefix}.return`
}

/**
 * Builds the exchanges, queues and bindings of all routes. Every process declares all of them, so messages that a web instance
 * publishes are stored even if no worker has started yet.
 */
export function topologyOf(routes: readonly Route[], { prefix, queueType, deliveryLimit }: TopologySettings): BrokerTopology {
  const exchanges = new Map<string, ExchangeDeclaration>()
  const queues = new Map<string, QueueDeclaration>()
  const bindings = new Map<string, Binding>()
  const exchange = (name: string, type: ExchangeDeclaration['type']) => exchanges.set(name, { name, type })
  const queue = (declaration: QueueDeclaration) => queues.set(declaration.name, declaration)
  const bind = (binding: Binding) => bindings.set(JSON.stringify(binding), binding)

  const dead = deadLetterExchange(prefix)
  const back = returnExchange(prefix)
  if (routes.length > 0) {
    exchange(dead, 'direct')
    exchange(back, 'direct')
  }
  for (const route of routes) {
    exchange(route.exchange, 'topic')
    queue({
      name: route.queue,
      type: queueType,
      deadLetterExchange: dead,
      deadLetterKey: route.queue,
      ...(queueType === 'quorum' ? { deliveryLimit } : {}),
    })
    queue({ name: deadLetterQueue(route.queue), type: queueType })
    for (const routingKey of route.routingKeys) bind({ queue: route.queue, exchange: route.exchange, routingKey })
    bind({ queue: route.queue, exchange: back, routingKey: route.queue })
    bind({ queue: deadLetterQueue(route.queue), exchange: dead, routingKey: route.queue })
    for (const delay of route.delays) {
      const waiting = delayExchange(prefix, delay)
      exchange(waiting, 'topic')
      queue({ name: waiting, type: queueType, messageTtl: delay, deadLetterExchange: back })
      bind({ queue: waiting, exchange: waiting, routingKey: '#' })
    }
  }
  return { exchanges: [...exchanges.values()], queues: [...queues.values()], bindings: [...bindings.values()] }
}

/** Merges two topologies without duplicates. For the same name, the declaration of `second` is used. */
export function mergeTopologies(first: BrokerTopology, second: BrokerTopology): BrokerTopology {
  const byName = <Declaration extends { name: string }>(one: readonly Declaration[], other: readonly Declaration[]) =>
    [...new Map([...one, ...other].map(declaration => [declaration.name, declaration])).values()]
  const keyOf = ({ queue, exchange, routingKey }: Binding) => JSON.stringify([queue, exchange, routingKey])
  const bindings = new Map([...first.bindings, ...second.bindings].map(binding => [keyOf(binding), binding]))
  return {
    exchanges: byName(first.exchanges, second.exchanges),
    queues: byName(first.queues, second.queues),
    bindings: [...bindings.values()],
  }
}
