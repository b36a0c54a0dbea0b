import type { Delivery, OutgoingMessage } from './message'
import type { Topology } from './topology'

/** `blocked`: connected, but the broker accepts no messages for now. */
export type BrokerState = 'connecting' | 'connected' | 'blocked' | 'closed'

/** What the rest of the feature knows of a broker: RabbitMQ, or the one in this process. Both pass one suite of tests. */
export interface Broker {
  readonly state: BrokerState
  /** Resolves when there is a connection; rejects when there is none within `timeout` ms, while it goes on being sought. */
  connect: (timeout: number) => Promise<void>
  /**
   * Declares exchanges, queues and bindings, now and on every connection to come. What is declared already with other arguments is left as it is,
   * and told once. Without a connection it resolves at once: the next one begins with it.
   */
  declare: (topology: Topology) => Promise<void>
  /**
   * Hands a message over. Resolves when the broker has stored it, and only then.
   * @param timeout ms after which the outcome is unknown
   * @throws PublishError whose code says whether it was stored
   */
  publish: (message: OutgoingMessage, timeout: number) => Promise<void>
  /**
   * Takes messages off a queue, also after every reconnection, until it is cancelled. At most `prefetch` are unsettled at a time.
   * Resolves after the first try, also when that failed or there is no connection yet: it goes on trying.
   */
  consume: (queue: string, prefetch: number, take: (delivery: Delivery) => void) => Promise<Subscription>
  /** One message of a queue, or undefined when it is empty. For tools: a consumer is cheaper. */
  get: (queue: string) => Promise<Delivery | undefined>
  /** How many messages wait in a queue; undefined when there is no such queue. */
  count: (queue: string) => Promise<number | undefined>
  /** Deletes every message that waits in a queue. @returns how many */
  purge: (queue: string) => Promise<number>
  /** Waits for the confirms of what was published, then closes everything, within `timeout` ms whatever the broker does. Idempotent. */
  close: (timeout: number) => Promise<void>
  onState: (listener: (state: BrokerState, reason: string) => void) => () => void
}

/** A consumer of one queue. */
export interface Subscription {
  /** Whether the broker is sending it messages now. */
  readonly active: boolean
  /** No more messages from now on. Those that were given out can still be settled. */
  cancel: () => Promise<void>
}
