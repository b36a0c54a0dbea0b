import type { Clock } from '../../core/clock'
import { instrument, onRead } from '../../core/instruments'
import type { Fault } from '../fault'
import { blamesClient, isPassing } from '../fault'
import type { OutgoingMessage } from '../message'
import type { PublishError } from '../publish-error'
import * as errors from '../publish-error'
import type { BufferOptions, Deadlines, PublishEntry } from './publish-buffer'
import { PublishBuffer, createDeadlines } from './publish-buffer'
import type { PublishPort } from './publish-port'
import { createConfirmWindow } from './publish-port'

/** The confirm channel that a publisher uses. */
export interface PublishChannel extends PublishPort {
  /** Returns why an exchange cannot be published to; undefined if it can. Never rejects. */
  check: (exchange: string) => Promise<Fault | undefined>
  /** Drops the connection because it does not answer, so that a new one is opened. */
  abandon: (reason: string) => void
}

/** Keeps messages until the broker has confirmed them, and sends them again if a channel is lost. */
export interface Publisher {
  /** Number of messages that are neither resolved nor rejected. */
  readonly pending: number
  publish: (message: OutgoingMessage, timeout: number) => Promise<void>
  /** Starts sending on a new channel. */
  open: (channel: PublishChannel) => void
  /**
   * Handles a confirm of one message, or with `multiple` of all messages up to it.
   *
   * @param stored `false` if the broker could not store them
   */
  confirmed: (tag: number, multiple: boolean, stored: boolean) => void
  /** Handles an unroutable message that the broker returned. Its confirm follows. */
  returned: (message: { messageId: unknown, exchange: string, routingKey: string }) => void
  /** Handles the loss of the channel. Unconfirmed messages are sent again on the next one. @returns the number of unconfirmed messages */
  lost: (fault: Fault) => number
  /** Stops sending while `blocked` is `true`, because the broker accepts no messages. */
  block: (blocked: boolean) => void
  /** Accepts no further messages. Resolves when the last message is settled. */
  finish: () => Promise<void>
  /** Rejects all messages that are not settled. */
  end: () => void
}

/** Options of {@link createPublisher}. */
export interface PublisherOptions {
  /** Maximum number of messages that are sent and not yet confirmed. */
  window: number
  buffer: BufferOptions
  clock: Clock
  /** Runs a callback in a microtask, outside the async context of any request. */
  soon: (callback: () => void) => void
}

const buffered = instrument('scale.messaging.buffer_messages')
const unconfirmed = instrument('scale.messaging.unconfirmed')
const blockedState = instrument('scale.messaging.blocked')

/** Number of closed channels, for temporary reasons, after which the message that caused them is rejected. */
const STRIKES = 3

/** Creates a publisher. It buffers messages until `open` is called with a channel. */
export function createPublisher(options: PublisherOptions): Publisher {
  return new ConfirmedPublisher(options)
}

class ConfirmedPublisher implements Publisher {
  pending = 0
  readonly #options: PublisherOptions
  readonly #buffer: PublishBuffer
  /** Messages that are sent and not yet confirmed. */
  readonly #underway = createConfirmWindow<PublishEntry>()
  /** Exchanges that exist, as checked on the current connection. */
  readonly #usable = new Set<string>([''])
  readonly #deadlines: Deadlines
  readonly #stopReading = onRead(() => this.#readGauges())
  #channel: PublishChannel | undefined
  #blocked = false
  #woken = false
  /** Whether the message that is underway must stay the only one. */
  #alone = false
  #finishing: PromiseWithResolvers<void> | undefined

  constructor(options: PublisherOptions) {
    this.#options = options
    this.#buffer = new PublishBuffer(options.buffer, () => this.#wake())
    this.#deadlines = createDeadlines(now => this.#expire(now), options.clock)
  }

  publish(message: OutgoingMessage, timeout: number): Promise<void> {
    const { buffer: limits, clock } = this.#options
    const bytes = Buffer.byteLength(message.content)
    if (this.#finishing) return Promise.reject(errors.closed(message))
    if (bytes > limits.bytes) return Promise.reject(errors.tooLarge(message, bytes, limits.bytes))
    if (limits.onFull === 'reject' && !this.#buffer.fits(bytes)) {
      return Promise.reject(this.#blocked ? errors.blocked(message) : errors.bufferFull(message))
    }
    return new Promise((resolve, reject) => {
      const deadline = clock.now() + timeout
      this.pending++
      this.#deadlines.watch(deadline)
      this.#buffer.add({
        message,
        bytes,
        deadline,
        resolve,
        reject,
        state: 'waiting',
        sent: false,
        returned: false,
        suspect: false,
        strikes: 0,
      })
    })
  }

  /** Schedules one `pump` for all messages that are published in the same turn. */
  #wake(): void {
    if (this.#woken || !this.#channel || this.#blocked || this.#underway.size >= this.#options.window) return
    this.#woken = true
    this.#options.soon(this.#pump)
  }

  readonly #pump = (): void => {
    this.#woken = false
    const buffer = this.#buffer
    const underway = this.#underway
    const { window } = this.#options
    while (this.#channel && !this.#blocked && underway.size < window) {
      const entry = buffer.first
      if (!entry || (underway.size > 0 && (this.#alone || entry.suspect))) return
      buffer.shift()
      if (entry.state === 'settled') continue
      if (this.#usable.has(entry.message.exchange)) this.#send(entry, this.#channel)
      else this.#park(entry, this.#channel)
    }
  }

  #send(entry: PublishEntry, on: PublishChannel): void {
    try {
      on.publish(entry.message, entry.bytes)
    }
    catch (error) {
      this.#settle(entry, errors.unwritable(entry.message, error))
      return
    }
    entry.sent = true
    this.#alone = entry.suspect
    this.#underway.add(entry)
  }

  confirmed(tag: number, multiple: boolean, stored: boolean): void {
    this.#underway.confirm(tag, multiple, stored ? this.#settleStored : this.#settleRefused)
    if (this.#buffer.first) this.#pump()
  }

  readonly #settleStored = (entry: PublishEntry): void => {
    this.#settle(entry, entry.returned ? errors.unroutable(entry.message) : undefined)
  }

  readonly #settleRefused = (entry: PublishEntry): void => {
    this.#settle(entry, errors.refused(entry.message))
  }

  #settle(entry: PublishEntry, error?: PublishError): void {
    if (entry.state === 'settled') return
    this.pending--
    if (error) entry.reject(error)
    else entry.resolve()
    this.#buffer.settle(entry)
    if (this.pending === 0) this.#finishing?.resolve()
  }

  returned({ messageId, exchange, routingKey }: { messageId: unknown, exchange: string, routingKey: string }): void {
    for (const entry of this.#underway.items()) {
      const { message } = entry
      const isSame = message.properties.messageId === messageId && message.exchange === exchange && message.routingKey === routingKey
      if (!entry.returned && isSame) {
        entry.returned = true
        return
      }
    }
  }

  /** Checks the exchange of a message before it is sent, because the broker closes the channel if the exchange is missing. */
  #park(entry: PublishEntry, on: PublishChannel): void {
    if (!this.#buffer.park(entry)) return
    const { exchange } = entry.message
    void on.check(exchange).then((fault) => {
      // Ignore the answer if the channel was replaced: the next channel checks again.
      if (this.#channel === on) this.#checked(exchange, on, fault)
    })
  }

  #checked(exchange: string, on: PublishChannel, fault: Fault | undefined): void {
    const entries = this.#buffer.unpark(exchange)
    if (fault?.code !== undefined) {
      for (const entry of entries) this.#settle(entry, errors.rejectedBy(fault, entry.message))
      return
    }
    if (!fault) this.#usable.add(exchange)
    this.#buffer.putBack(entries)
    // A blocked broker does not answer, which is not a reason to drop the connection.
    if (fault && !this.#blocked) on.abandon(fault.text)
    else this.#wake()
  }

  open(channel: PublishChannel): void {
    this.#channel = channel
    this.#usable.clear()
    this.#usable.add('')
    this.#pump()
  }

  lost(fault: Fault): number {
    this.#channel = undefined
    const entries = this.#underway.drain()
    if (blamesClient(fault)) this.#findCulprit(entries, fault)
    for (const entry of entries) entry.returned = false
    this.#buffer.putBack([...entries, ...this.#buffer.unpark()])
    return entries.length
  }

  /** Finds the message that made the broker close the channel. With several candidates, each is sent alone next time. */
  #findCulprit(entries: PublishEntry[], fault: Fault): void {
    const [culprit, ...others] = entries
    if (!culprit || others.length > 0) {
      for (const entry of entries) entry.suspect = true
    }
    else if (++culprit.strikes >= STRIKES || !isPassing(fault)) {
      this.#settle(culprit, errors.rejectedBy(fault, culprit.message))
    }
  }

  block(blocked: boolean): void {
    this.#blocked = blocked
    if (!blocked) this.#pump()
  }

  /** Settles the messages whose deadline has passed. @returns the earliest of the other deadlines, or Infinity */
  #expire(now: number): number {
    const over: PublishEntry[] = []
    let next = Number.POSITIVE_INFINITY
    const lives = (entry: PublishEntry) => {
      if (entry.deadline <= now) over.push(entry)
      else next = Math.min(next, entry.deadline)
      return entry.deadline > now
    }
    this.#buffer.filter(lives)
    // Sent messages keep their place in the window, because the broker still confirms them by number.
    for (const entry of this.#underway.items()) lives(entry)
    for (const entry of over) this.#settle(entry, this.#lateness(entry))
    return next
  }

  #readGauges(): void {
    const sent = this.#underway.size
    // A message that has timed out keeps its place among the sent ones until its confirm arrives.
    buffered.record(Math.max(0, this.pending - sent))
    unconfirmed.record(sent)
    blockedState.record(this.#blocked ? 1 : 0)
  }

  #lateness({ message, sent, state }: PublishEntry): PublishError {
    if (sent) return errors.unknownOutcome(message)
    if (this.#blocked) return errors.blocked(message)
    return state === 'waiting' && this.#channel ? errors.bufferFull(message) : errors.unavailable(message)
  }

  finish(): Promise<void> {
    if (!this.#finishing) {
      this.#finishing = Promise.withResolvers()
      if (this.pending === 0) this.#finishing.resolve()
    }
    return this.#finishing.promise
  }

  end(): void {
    this.#finishing ??= Promise.withResolvers()
    this.#channel = undefined
    this.#deadlines.stop()
    this.#stopReading()
    for (const entry of [...this.#underway.drain(), ...this.#buffer.drain()]) {
      this.#settle(entry, entry.sent ? errors.unknownOutcome(entry.message) : errors.closed(entry.message))
    }
  }
}
