import type { OutgoingMessage } from '../message'
import type { QueueDeclaration } from '../topology'

/** A message to be added to a queue. */
interface ArrivingMessage extends Omit<OutgoingMessage, 'mandatory' | 'content'> {
  content: Buffer
}

/** A message that is stored in a queue. */
export interface StoredMessage extends ArrivingMessage {
  /** Position in the queue. A message that is given back returns to it. */
  sequence: number
  redelivered: boolean
  /** How often it was given back unsettled. */
  returns: number
  /** Time at which it expires, in ms of `performance.now()`. */
  expires: number
}

/** Reason of a dead letter, with the values of RabbitMQ. */
export type DeathReason = 'rejected' | 'expired' | 'delivery_limit'

/** A consumer of a queue. */
interface QueueConsumer {
  /** Whether it accepts another message now. */
  hasSpace: () => boolean
  take: (message: StoredMessage) => void
}

/** A queue of the in-memory broker. It delivers its messages in order, to its consumers in turn. */
export interface EmbeddedQueue {
  readonly declaration: QueueDeclaration
  /** Number of messages that wait for a consumer. */
  readonly waiting: number
  /** Whether another message of this size fits into the limits of the queue. */
  hasSpace: (bytes: number) => boolean
  enqueue: (message: ArrivingMessage) => void
  /** Takes the next message; undefined if there is none. */
  shift: () => StoredMessage | undefined
  /** Removes a delivered message, because it was acknowledged. */
  settle: (message: StoredMessage) => void
  /** Returns a delivered message to the queue. `counts`: whether this counts towards the delivery limit. */
  giveBack: (message: StoredMessage, counts: boolean) => void
  /** Makes a delivered message a dead letter. */
  reject: (message: StoredMessage) => void
  /** Deletes all waiting messages. @returns their number */
  purge: () => number
  /** @returns a function that removes the consumer */
  addConsumer: (consumer: QueueConsumer) => () => void
  /** Delivers waiting messages soon. Call it when a consumer has space again. */
  wake: () => void
  /** Tries again to move the dead letters whose target queue was full. */
  retryDead: () => void
  close: () => void
}

/** Maximum number and total size of the messages in a queue, including delivered messages that are not settled. */
export interface QueueLimits {
  messages: number
  bytes: number
}

/** Callbacks of a queue to its server. */
export interface QueueEvents {
  /** Moves a dead letter to its target queues. @returns `false` if one of them is full */
  deadLetter: (message: StoredMessage, reason: DeathReason) => boolean
  /** Called when a message has left the queue. */
  freed: () => void
}

/** Creates a queue of the in-memory broker. */
export function createQueue(declaration: QueueDeclaration, limits: QueueLimits, events: QueueEvents): EmbeddedQueue {
  return new MemoryQueue(declaration, limits, events)
}

class MemoryQueue implements EmbeddedQueue {
  readonly declaration: QueueDeclaration
  readonly #limits: QueueLimits
  readonly #events: QueueEvents
  readonly #ready: StoredMessage[] = []
  /** Dead letters whose target queue is full. They stay here and count towards the limits of this queue. */
  readonly #held: { message: StoredMessage, reason: DeathReason }[] = []
  readonly #consumers: QueueConsumer[] = []
  #kept = 0
  #keptBytes = 0
  #sequence = 0
  #pumping: NodeJS.Immediate | undefined
  #expiry: NodeJS.Timeout | undefined

  constructor(declaration: QueueDeclaration, limits: QueueLimits, events: QueueEvents) {
    this.declaration = declaration
    this.#limits = limits
    this.#events = events
  }

  get waiting(): number {
    return this.#ready.length
  }

  hasSpace(bytes: number): boolean {
    return this.#kept < this.#limits.messages && this.#keptBytes + bytes <= this.#limits.bytes
  }

  enqueue({ exchange, routingKey, content, properties }: ArrivingMessage): void {
    const { messageTtl } = this.declaration
    const expires = performance.now() + (messageTtl ?? Infinity)
    const sequence = this.#sequence++
    this.#ready.push({ exchange, routingKey, content, properties, sequence, redelivered: false, returns: 0, expires })
    this.#kept++
    this.#keptBytes += content.length
    if (messageTtl !== undefined && this.#expiry === undefined) this.#expire()
    if (this.#consumers.length > 0) this.wake()
  }

  wake(): void {
    // Deliver in another turn of the event loop, so that a message that is requeued endlessly does not block everything else.
    this.#pumping ??= setImmediate(() => this.#pump())
  }

  #pump(): void {
    const ready = this.#ready
    const consumers = this.#consumers
    this.#pumping = undefined
    this.#expire()
    // Deliver only the messages that are waiting now. Messages that consumers give back meanwhile are delivered in the next turn.
    for (let left = ready.length; left > 0 && ready.length > 0; left--) {
      const consumer = consumers.find(candidate => candidate.hasSpace())
      if (!consumer) return
      // Round robin: the consumer that gets this message moves behind the others.
      consumers.push(...consumers.splice(consumers.indexOf(consumer), 1))
      consumer.take(ready.shift()!)
    }
  }

  shift(): StoredMessage | undefined {
    this.#expire()
    return this.#ready.shift()
  }

  settle(message: StoredMessage): void {
    this.#forget(message)
  }

  giveBack(message: StoredMessage, counts: boolean): void {
    const ready = this.#ready
    const { deliveryLimit = Infinity } = this.declaration
    message.redelivered = true
    if (counts) message.returns++
    if (message.returns > deliveryLimit) return this.#die(message, 'delivery_limit')
    const place = ready.findIndex(other => other.sequence > message.sequence)
    ready.splice(place === -1 ? ready.length : place, 0, message)
    this.#expire()
    this.wake()
  }

  reject(message: StoredMessage): void {
    this.#die(message, 'rejected')
  }

  purge(): number {
    const dropped = this.#ready.splice(0)
    for (const message of dropped) this.#forget(message)
    return dropped.length
  }

  addConsumer(consumer: QueueConsumer): () => void {
    this.#consumers.push(consumer)
    this.wake()
    return () => void this.#consumers.splice(this.#consumers.indexOf(consumer), 1)
  }

  retryDead(): void {
    const held = this.#held
    const events = this.#events
    while (held.length > 0 && events.deadLetter(held[0]!.message, held[0]!.reason)) this.#forget(held.shift()!.message)
  }

  close(): void {
    clearTimeout(this.#expiry)
    clearImmediate(this.#pumping)
  }

  #expire(): void {
    const ready = this.#ready
    clearTimeout(this.#expiry)
    this.#expiry = undefined
    if (this.declaration.messageTtl === undefined) return
    const now = performance.now()
    while (ready.length > 0 && ready[0]!.expires <= now) this.#die(ready.shift()!, 'expired')
    // `unref`: waiting messages must not keep the process from exiting.
    if (ready.length > 0) this.#expiry = setTimeout(() => this.#expire(), Math.max(1, ready[0]!.expires - now)).unref()
  }

  #die(message: StoredMessage, reason: DeathReason): void {
    if (this.#events.deadLetter(message, reason)) this.#forget(message)
    else this.#held.push({ message, reason })
  }

  #forget({ content }: StoredMessage): void {
    this.#kept--
    this.#keptBytes -= content.length
    this.#events.freed()
  }
}
