import type { Delivery, OutgoingMessage } from '../message'
import type { Settlement } from '../measure-messages'
import { measureSettlement } from '../measure-messages'
import type { BrokerTopology } from '../topology'
import type { Broker, BrokerState, Subscription } from '../broker'
import { PublishError } from '../publish-error'
import type { EmbeddedQueue, StoredMessage } from './queue'

/** The parts of the server that a connection uses. */
export interface EmbeddedStore {
  declare: (topology: BrokerTopology) => void
  /** Routes a message to its queues. @throws PublishError when the message was not stored */
  store: (message: OutgoingMessage) => void
  queue: (name: string) => EmbeddedQueue | undefined
}

/** Creates a connection to the in-memory broker. */
export function createEmbeddedConnection(store: EmbeddedStore): Broker {
  return new EmbeddedConnection(store)
}

class EmbeddedConnection implements Broker {
  state: BrokerState = 'connected'
  readonly #store: EmbeddedStore
  readonly #listeners = new Set<(state: BrokerState, reason: string) => void>()
  readonly #subscriptions = new Set<Subscription>()
  /** Delivered messages that are not settled yet, each with a function that returns it to its queue. */
  readonly #unsettled = new Map<StoredMessage, () => void>()

  constructor(store: EmbeddedStore) {
    this.#store = store
  }

  async connect(): Promise<void> {
    this.#refuseClosed()
  }

  async declare(topology: BrokerTopology): Promise<void> {
    this.#refuseClosed()
    this.#store.declare(topology)
  }

  async publish(message: OutgoingMessage): Promise<void> {
    if (this.#isClosed) throw new PublishError('CLOSED', 'The message was not sent: the connection to the in-memory broker is closed.')
    this.#store.store(message)
  }

  async consume(name: string, prefetch: number, take: (delivery: Delivery) => void): Promise<Subscription> {
    const queue = this.#queueOf(name)
    const subscriptions = this.#subscriptions
    let held = 0
    const remove = queue.addConsumer({
      hasSpace: () => held < prefetch,
      take: (message) => {
        held++
        take(this.#giveOut(queue, message, () => {
          held--
          queue.wake()
        }))
      },
    })
    const subscription: Subscription = {
      get active() {
        return subscriptions.has(subscription)
      },
      async cancel() {
        if (subscriptions.delete(subscription)) remove()
      },
    }
    subscriptions.add(subscription)
    return subscription
  }

  async get(name: string): Promise<Delivery | undefined> {
    const queue = this.#queueOf(name)
    const message = queue.shift()
    return message && this.#giveOut(queue, message, () => {})
  }

  async count(name: string): Promise<number | undefined> {
    this.#refuseClosed()
    return this.#store.queue(name)?.waiting
  }

  async purge(name: string): Promise<number> {
    return this.#queueOf(name).purge()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.state = 'closed'
    for (const subscription of [...this.#subscriptions]) await subscription.cancel()
    for (const back of [...this.#unsettled.values()]) back()
    this.#unsettled.clear()
    for (const listener of [...this.#listeners]) listener('closed', 'closed by the app')
  }

  onState(listener: (state: BrokerState, reason: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get #isClosed(): boolean {
    return this.state === 'closed'
  }

  #refuseClosed(): void {
    if (this.#isClosed) throw new Error('The connection to the in-memory broker is closed.')
  }

  #queueOf(name: string): EmbeddedQueue {
    this.#refuseClosed()
    const queue = this.#store.queue(name)
    if (!queue) throw new Error(`The queue ${name} does not exist: declare it first.`)
    return queue
  }

  #giveOut(queue: EmbeddedQueue, message: StoredMessage, settled: () => void): Delivery {
    this.#unsettled.set(message, () => {
      queue.giveBack(message, true)
      settled()
    })
    const once = (operation: Settlement, settle: () => void) => () => {
      if (!this.#unsettled.delete(message)) return
      measureSettlement(queue.declaration.name, operation, settle)
      settled()
    }
    const { exchange, routingKey, content, properties, redelivered, returns } = message
    return {
      exchange,
      routingKey,
      content,
      properties,
      queue: queue.declaration.name,
      redelivered,
      deliveryCount: returns,
      ack: once('ack', () => queue.settle(message)),
      reject: requeue => once('reject', () => requeue ? queue.giveBack(message, true) : queue.reject(message))(),
      release: once('nack', () => queue.giveBack(message, false)),
    }
  }
}
