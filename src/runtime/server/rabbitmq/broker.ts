import type { Delivery, OutgoingMessage } from './message'
import type { BrokerTopology } from './topology'

/** State of the connection to the broker. `blocked` means connected, but the broker accepts no messages at the moment. */
export type BrokerState = 'connecting' | 'connected' | 'blocked' | 'closed'

/** Logger of the broker. */
export interface BrokerLog {
  info: (message: string) => void
  warn: (message: string) => void
}

/** Common interface of RabbitMQ and the in-memory broker. Both pass the same tests. */
export interface Broker {
  readonly state: BrokerState
  /** Resolves when the broker is connected. Rejects after `timeout` ms, but the broker keeps trying to connect. */
  connect: (timeout: number) => Promise<void>
  /**
   * Declares exchanges, queues and bindings, now and after every reconnect. A queue or exchange that already exists with other
   * arguments is used unchanged, and a warning is logged once. Without a connection it resolves immediately, and the next
   * connection declares everything.
   */
  declare: (topology: BrokerTopology) => Promise<void>
  /**
   * Publishes a message. Resolves only after the broker has stored it.
   *
   * @param timeout milliseconds after which it rejects
   * @throws PublishError whose `code` says whether the message was stored
   */
  publish: (message: OutgoingMessage, timeout: number) => Promise<void>
  /**
   * Consumes a queue until the subscription is cancelled, also after every reconnect. At most `prefetch` messages are unsettled at
   * the same time. Resolves after the first try to subscribe, even if it failed or there is no connection yet, and keeps trying.
   */
  consume: (queue: string, prefetch: number, take: (delivery: Delivery) => void) => Promise<Subscription>
  /**
   * Takes one message from a queue, or undefined if it is empty. It is meant for the command line; for many messages, `consume` is
   * cheaper.
   */
  get: (queue: string) => Promise<Delivery | undefined>
  /** Returns the number of messages that wait in a queue; undefined if the queue does not exist. */
  count: (queue: string) => Promise<number | undefined>
  /** Deletes every message that waits in a queue. @returns the number of deleted messages */
  purge: (queue: string) => Promise<number>
  /** Waits for pending confirms and closes all connections, within `timeout` ms even if the broker does not answer. Idempotent. */
  close: (timeout: number) => Promise<void>
  /** Calls `listener` at every change of the state. @returns a function that removes the listener */
  onState: (listener: (state: BrokerState, reason: string) => void) => () => void
}

/** A subscription to one queue. */
export interface Subscription {
  /** Whether the broker currently delivers messages to it. */
  readonly active: boolean
  /** Stops the deliveries. Messages that were already delivered can still be settled. */
  cancel: () => Promise<void>
}
