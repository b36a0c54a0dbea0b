import type { Delivery, OutgoingMessage } from '../message'
import type { Topology } from '../topology'
import type { Broker, BrokerState, Subscription } from '../broker'
import { PublishError } from '../publish-error'
import type { EmbeddedQueue, StoredMessage } from './queue'

/** The parts of the server that a connection uses. */
export interface EmbeddedStore {
  declare: (topology: Topology) => void
  /** Routes a message to its queues. @throws PublishError when the message was not stored */
  store: (message: OutgoingMessage) => void
  queue: (name: string) => EmbeddedQueue | undefined
}

/** Creates a connection to the in-memory broker. */
export function createEmbeddedConnection(store: EmbeddedStore): Broker {
  let state: BrokerState = 'connected'
  const listeners = new Set<(state: BrokerState, reason: string) => void>()
  const subscriptions = new Set<Subscription>()
  /** Delivered messages that are not settled yet, each with a function that returns it to its queue. */
  const unsettled = new Map<StoredMessage, () => void>()

  function isOpen(): boolean {
    return state !== 'closed'
  }

  function refuseClosed(): void {
    if (!isOpen()) throw new Error('The connection to the in-memory broker is closed.')
  }

  function queueOf(name: string): EmbeddedQueue {
    const queue = store.queue(name)
    if (!queue) throw new Error(`The queue ${name} does not exist: declare it first.`)
    return queue
  }

  function giveOut(queue: EmbeddedQueue, message: StoredMessage, settled: () => void): Delivery {
    unsettled.set(message, () => {
      queue.giveBack(message, true)
      settled()
    })
    const once = (settle: () => void) => () => {
      if (!unsettled.delete(message)) return
      settle()
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
      ack: once(() => queue.settle(message)),
      reject: requeue => once(() => requeue ? queue.giveBack(message, true) : queue.reject(message))(),
      release: once(() => queue.giveBack(message, false)),
    }
  }

  return {
    get state() {
      return state
    },
    async connect() {
      refuseClosed()
    },
    async declare(topology) {
      refuseClosed()
      store.declare(topology)
    },
    async publish(message) {
      if (!isOpen()) throw new PublishError('CLOSED', 'The message was not sent: the connection to the in-memory broker is closed.')
      store.store(message)
    },
    async consume(name, prefetch, take) {
      refuseClosed()
      const queue = queueOf(name)
      let held = 0
      const remove = queue.addConsumer({
        hasSpace: () => held < prefetch,
        take(message) {
          held++
          take(giveOut(queue, message, () => {
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
    },
    async get(name) {
      refuseClosed()
      const queue = queueOf(name)
      const message = queue.shift()
      return message && giveOut(queue, message, () => {})
    },
    async count(name) {
      refuseClosed()
      return store.queue(name)?.waiting
    },
    async purge(name) {
      refuseClosed()
      return queueOf(name).purge()
    },
    async close() {
      if (!isOpen()) return
      state = 'closed'
      for (const subscription of [...subscriptions]) await subscription.cancel()
      for (const back of [...unsettled.values()]) back()
      unsettled.clear()
      for (const listener of [...listeners]) listener('closed', 'closed by the app')
    },
    onState(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
