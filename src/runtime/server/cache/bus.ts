import type { Redis } from 'ioredis'
import { randomBytes } from 'node:crypto'
import type { RedisConnection } from '../redis/types'
import type { Times } from '../core/clock'
import { instrument, onRead } from '../core/instruments'
import { Waiters } from './waiters'
import type { Coherence } from './coherence'

/** Why the bus makes every L1 entry a miss. `unknown`: a message of a newer version, which may be an invalidation. */
type EpochCause = 'resubscribe' | 'gap' | 'unknown'

export interface BusOptions {
  connection: RedisConnection
  clock: Times
  coherence: Coherence
  /** Applies an operation of another process. Returns false when the operation is unknown. */
  receive: (operation: string, argument: string) => boolean
  /** Makes every L1 entry a miss. */
  raiseEpoch: (cause: EpochCause) => void
}

const messages = instrument('scale.bus.messages')
const gaps = instrument('scale.bus.gaps')
const delays = instrument('scale.bus.delay')
const up = instrument('scale.redis.up')

/** Interval of the beats in ms. */
const BEAT_INTERVAL = 1000
/** Every tenth beat repeats the last number, so that other processes detect the loss of the last message. */
const BEATS_BETWEEN_REPEATS = 10
/** L1 is usable for this many ms after the send time of the last received beat. */
export const SILENCE = 3000
/** Pause in ms before another attempt to find a node for the subscription. */
const RETRY_PAUSE = 50
/** Maximum number of remembered publishers. Forgetting an active one is safe: its next message raises the epoch. */
const MOST_PUBLISHERS = 10_000

/**
 * Sends invalidations between processes over Redis Pub/Sub.
 *
 * Pub/Sub delivers at most once. Processes therefore detect missed messages: each message has a sequence number of its publisher,
 * and each process sends itself a beat per second to check its subscription. A gap, a new subscription or a publisher whose first
 * messages were missed raises the epoch, which makes all L1 entries misses.
 */
export class Bus {
  readonly publisher = randomBytes(9).toString('base64url')
  readonly channel: string
  readonly #beatChannel: string
  readonly #options: BusOptions
  readonly #lastNumbers = new Map<string, number>()
  readonly #beatWaiters = new Waiters()
  #number = 0
  #beats = 0
  #node: Redis | undefined
  #nodeChoice = 0
  #subscriber: Redis | undefined
  #subscribedAt = 0
  #timer: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  #stopReading: (() => void) | undefined

  constructor(options: BusOptions) {
    this.#options = options
    const { prefix, database } = options.connection
    this.channel = `${prefix}:bus:${database}`
    this.#beatChannel = `${this.channel}:beat:${this.publisher}`
  }

  start(): void {
    this.#subscribe()
    this.#stopReading = onRead(() => {
      const { clock, coherence } = this.#options
      up.record(clock.now() < coherence.liveUntil ? 1 : 0, 'subscriptions')
    })
    this.#timer = setInterval(() => this.#tick(), BEAT_INTERVAL)
    this.#timer.unref()
  }

  /**
   * Returns the next message of this process in its wire format. Call it directly before sending, so that messages are sent in the order
   * of their numbers.
   */
  stamp(operation: string, argument = ''): string {
    messages.record(1, 'sent')
    return `${this.publisher} ${++this.#number} ${operation} ${argument}`
  }

  /** Publishes a message on its own. On one server, prefer a script that changes the keys and publishes in one step. */
  async publish(operation: string, argument: string, budget: number): Promise<void> {
    const publish = () => this.#publisherNode().publish(this.channel, this.stamp(operation, argument))
    await this.#options.connection.run(publish, budget, 'PUBLISH')
  }

  /**
   * Whether this process has received every message that was published before this call. It sends a beat, which arrives after them.
   * Returns false when the beat does not arrive within `budget` ms.
   */
  async receivedAll(budget: number): Promise<boolean> {
    const { clock, coherence } = this.#options
    const sent = clock.now()
    if (sent >= coherence.liveUntil) return false
    const back = this.#beatWaiters.wait(String(sent), budget)
    this.#beat(sent)
    await back
    return coherence.liveUntil >= sent + SILENCE
  }

  async close(): Promise<void> {
    this.#stopReading?.()
    clearInterval(this.#timer)
    clearTimeout(this.#retry)
    this.#drop()
  }

  /** Returns the one node for all messages of this process. Through several nodes, messages would overtake each other. */
  #publisherNode(): Redis {
    const { connection } = this.#options
    if (!connection.isCluster) return connection.client as Redis
    this.#node ??= this.#chooseNode()
    return this.#node
  }

  #chooseNode(): Redis {
    const masters = this.#options.connection.masters()
    const node = masters[this.#nodeChoice % masters.length]
    if (!node) throw new Error('No master of the Redis Cluster is known, so the cache cannot send its messages.')
    return node
  }

  #subscribe(): void {
    const { clock, coherence } = this.#options
    clearTimeout(this.#retry)
    this.#drop()
    this.#subscribedAt = clock.now()
    let subscriber: Redis
    try {
      subscriber = this.#options.connection.openSubscriber(this.#options.connection.isCluster ? this.#publisherNode() : undefined)
    }
    catch {
      // No master of the Cluster is known yet.
      this.#retry = setTimeout(() => this.#subscribe(), RETRY_PAUSE)
      this.#retry.unref()
      return
    }
    this.#subscriber = subscriber
    subscriber.on('error', () => {}) // The main connection reports the outage.
    subscriber.on('close', () => {
      if (this.#subscriber === subscriber) coherence.liveUntil = 0
    })
    subscriber.on('message', (channel: string, message: string) => {
      if (this.#subscriber === subscriber) this.#receive(channel, message)
    })
    subscriber.on('ready', () => {
      // One SUBSCRIBE names both channels. A received beat then proves that all earlier messages were received, too.
      subscriber.subscribe(this.channel, this.#beatChannel).then(
        () => {
          if (this.#subscriber !== subscriber) return
          this.#options.raiseEpoch('resubscribe')
          this.#beat()
        },
        () => {
          if (this.#subscriber === subscriber) this.#subscribedAt = 0 // The next tick subscribes anew.
        },
      )
    })
  }

  #drop(): void {
    const subscriber = this.#subscriber
    this.#subscriber = undefined
    this.#options.coherence.liveUntil = 0
    if (!subscriber) return
    subscriber.disconnect()
    // Without this, a half-open socket would wait for the reply to its FIN.
    subscriber.stream?.destroy()
  }

  #tick(): void {
    const { clock, coherence } = this.#options
    const now = clock.now()
    if (now >= coherence.liveUntil && now - this.#subscribedAt >= SILENCE) {
      this.#nodeChoice++
      this.#node = undefined
      this.#subscribe()
      return
    }
    if (++this.#beats % BEATS_BETWEEN_REPEATS === 0) {
      this.#send(this.channel, () => `${this.publisher} ${this.#number} again `)
    }
    this.#beat()
  }

  #beat(sent = this.#options.clock.now()): void {
    this.#send(this.#beatChannel, () => String(sent))
  }

  #send(channel: string, message: () => string): void {
    this.#options.connection.run(() => this.#publisherNode().publish(channel, message()), undefined, 'PUBLISH').catch(() => {})
  }

  #receive(channel: string, message: string): void {
    if (channel === this.#beatChannel) {
      const { clock, coherence } = this.#options
      const sent = Number(message)
      coherence.liveUntil = sent + SILENCE
      // A beat is sent and received with the clock of one process. The times of two machines could not be compared.
      if (delays.enabled) delays.record(Math.max(0, clock.now() - sent) / 1000)
      this.#beatWaiters.wake(message)
      return
    }
    const [publisher = '', numberText, operation = ''] = message.split(' ', 3)
    if (publisher === this.publisher) return
    messages.record(1, 'received')
    const argument = message.slice(publisher.length + numberText!.length + operation.length + 3)
    this.#count(publisher, Number(numberText), operation === 'again')
    // An operation that this version does not know may be an invalidation of a newer version.
    if (operation !== 'again' && !this.#options.receive(operation, argument)) this.#options.raiseEpoch('unknown')
  }

  #count(publisher: string, number: number, repeated: boolean): void {
    const last = this.#lastNumbers.get(publisher) ?? 0
    if (repeated ? number !== last : number > last + 1) {
      gaps.record(1)
      this.#options.raiseEpoch('gap')
    }
    this.#lastNumbers.delete(publisher)
    this.#lastNumbers.set(publisher, Math.max(last, number))
    if (this.#lastNumbers.size > MOST_PUBLISHERS) this.#lastNumbers.delete(this.#lastNumbers.keys().next().value!)
  }
}
