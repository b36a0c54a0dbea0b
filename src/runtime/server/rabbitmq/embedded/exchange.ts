import type { Binding, ExchangeDeclaration } from '../topology'
import { compileTopicPattern } from './pattern'

/** An exchange of the in-memory broker, with its bindings. */
export interface EmbeddedExchange {
  readonly type: ExchangeDeclaration['type']
  bind: (binding: Binding) => void
  /** Returns the names of the queues that a message is routed to, without duplicates. */
  route: (routingKey: string) => Set<string>
}

export function createExchange(type: ExchangeDeclaration['type']): EmbeddedExchange {
  const bindings = new Map<string, { queue: string, matches: (routingKey: string) => boolean }>()
  return {
    type,
    bind({ queue, routingKey }) {
      const matches = type === 'topic' ? compileTopicPattern(routingKey) : (key: string) => key === routingKey
      bindings.set(JSON.stringify([queue, routingKey]), { queue, matches })
    },
    route(routingKey) {
      const queues = new Set<string>()
      for (const { queue, matches } of bindings.values()) {
        if (!queues.has(queue) && matches(routingKey)) queues.add(queue)
      }
      return queues
    },
  }
}
