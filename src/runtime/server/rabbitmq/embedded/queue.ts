import type { OutgoingMessage } from '../message'
import type { QueueDeclaration } from '../topology'

/** A message on its way into a queue. */
export interface ArrivingMessage extends Omit<OutgoingMessage, 'mandatory' | 'content'> {
  content: Buffer
}

/** A message that a queue keeps. */
export interface StoredMessage extends ArrivingMessage {
  /** Its place: one that comes back returns to it. */
  sequence: number
  redelivered: boolean
  /** How often it came back unsettled. */
  returns: number
  /** When it expires, in ms of the process's clock. */
  expires: number
}

/** Why a message became a dead letter, in RabbitMQ's words. */
export type DeathReason = 'rejected' | 'expired' | 'delivery_limit'

/** Whom a queue gives its messages to. */
export interface QueueConsumer {
  hasFeature: () => boolean
  take: (message: StoredMessage) => void
}

/** Messages in order, given to consumers in turn. */
export interface EmbeddedQueue {
  readonly declaration: QueueDeclaration
  /** Messages that wait for a consumer. */
  readonly waiting: number
  /** Whether it takes one more message of that size. */
  hasFeature: (bytes: number) => boolean
  enqueue: (message: ArrivingMessage) => void
  /** The next message, or undefined. */
  shift: () => StoredMessage | undefined
  /** A message that was given out is done with. */
  settle: (message: StoredMessage) => void
  /** A message that was given out comes back. `counts` towards the delivery limit, or not. */
  giveBack: (message: StoredMessage, counts: boolean) => void
  /** A message that was given out becomes a dead letter. */
  reject: (message: StoredMessage) => void
  /** Drops what waits. @returns how many */
  purge: () => number
  addConsumer: (consumer: QueueConsumer) => () => void
  /** A consumer has space again, or messages have come. */
  wake: () => void
  /** Dead letters that found no space where they go are tried again. */
  retryDead: () => void
  close: () => void
}

export interface QueueLimits {
  messages: number
  bytes: number
}

export interface QueueEvents {
  /** Takes a dead letter. @returns false when there is no space for it yet */
  deadLetter: (message: StoredMessage, reason: DeathReason) => boolean
  /** There is space again. */
  freed: () => void
}

export function createQueue(declaration: QueueDeclaration, limits: QueueLimits, events: QueueEvents): EmbeddedQueue {
  const { messageTtl, deliveryLimit = Infinity } = declaration
  const ready: StoredMessage[] = []
  /** Dead letters whose place is full. They stay here, and count here. */
  const held: { message: StoredMessage, reason: DeathReason }[] = []
  const consumers: QueueConsumer[] = []
  let kept = 0
  let keptBytes = 0
  let sequence = 0
  let pumping: NodeJS.Immediate | undefined
  let expiry: NodeJS.Timeout | undefined

  function forget({ content }: StoredMessage): void {
    kept--
    keptBytes -= content.length
    events.freed()
  }

  function die(message: StoredMessage, reason: DeathReason): void {
    if (events.deadLetter(message, reason)) forget(message)
    else held.push({ message, reason })
  }

  function expire(): void {
    clearTimeout(expiry)
    expiry = undefined
    if (messageTtl === undefined) return
    const now = performance.now()
    while (ready.length > 0 && ready[0]!.expires <= now) die(ready.shift()!, 'expired')
    // Unreferenced: what waits must not keep a process alive that is done.
    if (ready.length > 0) expiry = setTimeout(expire, Math.max(1, ready[0]!.expires - now)).unref()
  }

  function wake(): void {
    // A turn apart, so that a message that goes back and forth leaves space for everything else.
    pumping ??= setImmediate(pump)
  }

  function pump(): void {
    pumping = undefined
    expire()
    // Only what is here now: what a consumer gives back meanwhile has its turn later.
    for (let left = ready.length; left > 0 && ready.length > 0; left--) {
      const consumer = consumers.find(candidate => candidate.hasFeature())
      if (!consumer) return
      // In turn: who was served goes to the end.
      consumers.push(...consumers.splice(consumers.indexOf(consumer), 1))
      consumer.take(ready.shift()!)
    }
  }

  return {
    declaration,
    get waiting() {
      return ready.length
    },
    hasFeature: bytes => kept < limits.messages && keptBytes + bytes <= limits.bytes,
    enqueue({ exchange, routingKey, content, properties }) {
      ready.push({ exchange, routingKey, content, properties, sequence: sequence++, redelivered: false, returns: 0, expires: performance.now() + (messageTtl ?? Infinity) })
      kept++
      keptBytes += content.length
      if (messageTtl !== undefined && expiry === undefined) expire()
      if (consumers.length > 0) wake()
    },
    shift() {
      expire()
      return ready.shift()
    },
    settle: forget,
    giveBack(message, counts) {
      message.redelivered = true
      if (counts) message.returns++
      if (message.returns > deliveryLimit) return die(message, 'delivery_limit')
      const place = ready.findIndex(other => other.sequence > message.sequence)
      ready.splice(place === -1 ? ready.length : place, 0, message)
      expire()
      wake()
    },
    reject: message => die(message, 'rejected'),
    purge() {
      const dropped = ready.splice(0)
      dropped.forEach(forget)
      return dropped.length
    },
    addConsumer(consumer) {
      consumers.push(consumer)
      wake()
      return () => void consumers.splice(consumers.indexOf(consumer), 1)
    },
    wake,
    retryDead() {
      while (held.length > 0 && events.deadLetter(held[0]!.message, held[0]!.reason)) forget(held.shift()!.message)
    },
    close() {
      clearTimeout(expiry)
      clearImmediate(pumping)
    },
  }
}
