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

export function createQueue(declaration: QueueDeclaration, limits: QueueLimits, events: QueueEvents): EmbeddedQueue {
  const { messageTtl, deliveryLimit = Infinity } = declaration
  const ready: StoredMessage[] = []
  /** Dead letters whose target queue is full. They stay here and count towards the limits of this queue. */
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
    // `unref`: waiting messages must not keep the process from exiting.
    if (ready.length > 0) expiry = setTimeout(expire, Math.max(1, ready[0]!.expires - now)).unref()
  }

  function wake(): void {
    // Deliver in another turn of the event loop, so that a message that is requeued endlessly does not block everything else.
    pumping ??= setImmediate(pump)
  }

  function pump(): void {
    pumping = undefined
    expire()
    // Deliver only the messages that are waiting now. Messages that consumers give back meanwhile are delivered in the next turn.
    for (let left = ready.length; left > 0 && ready.length > 0; left--) {
      const consumer = consumers.find(candidate => candidate.hasSpace())
      if (!consumer) return
      // Round robin: the consumer that gets this message moves behind the others.
      consumers.push(...consumers.splice(consumers.indexOf(consumer), 1))
      consumer.take(ready.shift()!)
    }
  }

  return {
    declaration,
    get waiting() {
      return ready.length
    },
    hasSpace: bytes => kept < limits.messages && keptBytes + bytes <= limits.bytes,
    enqueue({ exchange, routingKey, content, properties }) {
      const expires = performance.now() + (messageTtl ?? Infinity)
      ready.push({ exchange, routingKey, content, properties, sequence: sequence++, redelivered: false, returns: 0, expires })
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
