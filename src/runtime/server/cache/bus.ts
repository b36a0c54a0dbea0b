import type { Redis } from 'ioredis'
import { randomBytes } from 'node:crypto'
import type { RedisConnection } from '../redis/types'
import type { Clock } from './clock'
import { Waiters } from './flights'
import type { Term } from './term'

/** What the bus tells the cache about its own L1. Read on every hit, so it is a plain object. */
export interface Coherence {
  /** Entries of an older epoch are misses. Rises whenever messages may have been missed. */
  epoch: number
  /** L1 may be used before this monotonic moment. */
  liveUntil: number
  /** Entries in Redis of another term are misses. */
  term: Term
}

export interface BusOptions {
  connection: RedisConnection
  clock: Clock
  coherence: Coherence
  /** Applies an operation of another process. */
  receive: (operation: string, argument: string) => boolean
  /** Makes every L1 entry a miss. */
  raiseEpoch: () => void
}

const BEAT_INTERVAL = 1000
/** Repeat of the last number, so that a lost last message is noticed. */
const BEATS_BETWEEN_REPEATS = 10
/** L1 is unusable this long after the last beat that came through, by the time the beat was sent. */
export const SILENCE = 3000
/** Pause in ms before another look for a node to subscribe at. */
const RETRY_PAUSE = 50
/** Publishers remembered at most. Forgetting a living one raises the epoch when it is next heard, so it is safe. */
const MOST_PUBLISHERS = 10_000

/**
 * Invalidations between the processes, over Redis Pub/Sub.
 *
 * Pub/Sub delivers at most once, so messages carry a number per publisher, and the connection proves with a beat a second that it still hears.
 * A gap, a new subscription or a publisher that was never heard before raises the epoch, which empties L1 at one stroke.
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

  constructor(options: BusOptions) {
    this.#options = options
    const { prefix, database } = options.connection
    this.channel = `${prefix}:bus:${database}`
    this.#beatChannel = `${this.channel}:beat:${this.publisher}`
  }

  start(): void {
    this.#subscribe()
    this.#timer = setInterval(() => this.#tick(), BEAT_INTERVAL)
    this.#timer.unref()
  }

  /**
   * The next message of this process as it goes over the wire. Call it in the moment of sending: the order of numbers is the order of sending.
   */
  stamp(operation: string, argument = ''): string {
    return `${this.publisher} ${++this.#number} ${operation} ${argument}`
  }

  /** Publishes a message by itself. On one server prefer a script that publishes with what it changes. */
  async publish(operation: string, argument: string, budget: number): Promise<void> {
    await this.#options.connection.run(() => this.#publisherNode().publish(this.channel, this.stamp(operation, argument)), budget)
  }

  /**
   * Whether every message that was published before this call has been heard: a beat sent now comes back behind them.
   * False when it does not come within `budget` ms.
   */
  async heardAll(budget: number): Promise<boolean> {
    const { clock, coherence } = this.#options
    const sent = clock.now()
    if (sent >= coherence.liveUntil) return false
    const back = this.#beatWaiters.wait(String(sent), budget)
    this.#beat(sent)
    await back
    return coherence.liveUntil >= sent + SILENCE
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    clearTimeout(this.#retry)
    this.#drop()
  }

  /** All that a process publishes and hears goes through one node: through several, messages overtake each other. */
  #publisherNode(): Redis {
    const { connection } = this.#options
    if (!connection.isCluster) return connection.client as Redis
    this.#node ??= this.#chooseNode()
    return this.#node
  }

  #chooseNode(): Redis {
    const masters = this.#options.connection.masters()
    const node = masters[this.#nodeChoice % masters.length]
    if (!node) throw new Error('The Redis Cluster has no master to carry the cache\'s messages.')
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
    subscriber.on('error', () => {}) // the connection of the commands reports the outage
    subscriber.on('close', () => {
      if (this.#subscriber === subscriber) coherence.liveUntil = 0
    })
    subscriber.on('message', (channel: string, message: string) => {
      if (this.#subscriber === subscriber) this.#hear(channel, message)
    })
    subscriber.on('ready', () => {
      // One SUBSCRIBE for both channels: a beat heard means that the messages before it were heard.
      subscriber.subscribe(this.channel, this.#beatChannel).then(
        () => {
          if (this.#subscriber !== subscriber) return
          this.#options.raiseEpoch()
          this.#beat()
        },
        () => {
          if (this.#subscriber === subscriber) this.#subscribedAt = 0 // the next tick replaces it
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
    // A half-open socket would wait for an answer to its FIN.
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
    if (++this.#beats % BEATS_BETWEEN_REPEATS === 0) this.#send(this.channel, () => `${this.publisher} ${this.#number} again `)
    this.#beat()
  }

  #beat(sent = this.#options.clock.now()): void {
    this.#send(this.#beatChannel, () => String(sent))
  }

  #send(channel: string, message: () => string): void {
    this.#options.connection.run(() => this.#publisherNode().publish(channel, message())).catch(() => {})
  }

  #hear(channel: string, message: string): void {
    if (channel === this.#beatChannel) {
      this.#options.coherence.liveUntil = Number(message) + SILENCE
      this.#beatWaiters.wake(message)
      return
    }
    const [publisher = '', numberText, operation = ''] = message.split(' ', 3)
    if (publisher === this.publisher) return
    const argument = message.slice(publisher.length + numberText!.length + operation.length + 3)
    this.#count(publisher, Number(numberText), operation === 'again')
    // An operation that this version does not know may be an invalidation.
    if (operation !== 'again' && !this.#options.receive(operation, argument)) this.#options.raiseEpoch()
  }

  #count(publisher: string, number: number, repeated: boolean): void {
    const last = this.#lastNumbers.get(publisher) ?? 0
    if (repeated ? number !== last : number > last + 1) this.#options.raiseEpoch()
    this.#lastNumbers.delete(publisher)
    this.#lastNumbers.set(publisher, Math.max(last, number))
    if (this.#lastNumbers.size > MOST_PUBLISHERS) this.#lastNumbers.delete(this.#lastNumbers.keys().next().value!)
  }
}
