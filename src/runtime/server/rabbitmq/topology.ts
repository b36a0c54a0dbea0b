/** How queues keep their messages: replicated and on disk, or on one node. */
export type QueueType = 'quorum' | 'classic'

export interface ExchangeDeclaration {
  name: string
  type: 'topic' | 'direct'
}

/** A durable queue. */
export interface QueueDeclaration {
  name: string
  type: QueueType
  /** Where messages go that are rejected, expire or come back too often. Their routing key is `deadLetterKey`, else the one they came with. */
  deadLetterExchange?: string
  deadLetterKey?: string
  /** How often a message may come back unsettled before it is a dead letter. Quorum queues only. */
  deliveryLimit?: number
  /** Milliseconds after which a message becomes a dead letter. One time for the whole queue: a short time behind a long one would wait for it. */
  messageTtl?: number
}

export interface Binding {
  queue: string
  exchange: string
  routingKey: string
}

/** Everything that must exist at the broker so that nothing published is lost. */
export interface Topology {
  exchanges: readonly ExchangeDeclaration[]
  queues: readonly QueueDeclaration[]
  bindings: readonly Binding[]
}

/** What a consumer needs of the broker. */
export interface Route {
  exchange: string
  queue: string
  /** One or more topic patterns: `*` stands for a word, `#` for any number of them. */
  routingKeys: readonly string[]
  /** Pauses in ms before each further attempt. */
  delays: readonly number[]
}

/** What all routes share. */
export interface TopologySettings {
  /** Begins the name of every exchange and queue that the feature makes for itself. */
  prefix: string
  queueType: QueueType
  deliveryLimit: number
}

/** Ends the name of every dead-letter queue. */
export const DEAD_LETTER_SUFFIX = '.dlq'

/** The name of the dead-letter queue of a queue. */
export function deadLetterQueue(queue: string): string {
  return `${queue}${DEAD_LETTER_SUFFIX}`
}

/** The exchange whose messages, keyed by the name of a queue, wait `delay` ms and then return to that queue alone. */
export function delayExchange(prefix: string, delay: number): string {
  return `${prefix}.delay.${delay}`
}

/** The exchange that leads dead letters, keyed by the name of their queue, to its dead letter queue. */
export function deadLetterExchange(prefix: string): string {
  return `${prefix}.dead`
}

/** The exchange that leads messages back, keyed by the name of a queue, to that queue and to no other that is bound to their first exchange. */
export function returnExchange(prefix: string): string {
  return `${prefix}.return`
}

/**
 * The exchanges, queues and bindings of all routes. Every process declares all of it, so that what a web process publishes
 * finds its queue although no worker has ever run.
 */
export function topologyOf(routes: readonly Route[], { prefix, queueType, deliveryLimit }: TopologySettings): Topology {
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

/** Two topologies as one. What both declare is declared once. */
export function mergeTopologies(first: Topology, second: Topology): Topology {
  const byName = <Declaration extends { name: string }>(one: readonly Declaration[], other: readonly Declaration[]) =>
    [...new Map([...one, ...other].map(declaration => [declaration.name, declaration])).values()]
  const bindings = new Map([...first.bindings, ...second.bindings].map(binding => [JSON.stringify([binding.queue, binding.exchange, binding.routingKey]), binding]))
  return { exchanges: byName(first.exchanges, second.exchanges), queues: byName(first.queues, second.queues), bindings: [...bindings.values()] }
}
