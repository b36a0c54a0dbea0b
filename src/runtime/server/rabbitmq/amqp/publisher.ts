import type { PublishError } from '../publish-error'
import type { OutgoingMessage } from '../message'
import * as errors from '../publish-error'
import { createBudget, createConfirmWindow, createDeadlines, createFifo } from './publish-buffer'
import type { Clock } from '../../core/clock'
import type { Fault } from '../fault'
import { blamesClient, isPassing } from '../fault'
import type { BufferOptions } from './publish-buffer'

/** The confirm channel that a publisher sends on. */
export interface PublishPort {
  /**
   * Sends a message.
   *
   * @param bytes size of its content
   * @throws Error when the message cannot be encoded; then nothing of it is sent
   */
  send: (message: OutgoingMessage, bytes: number) => void
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
  open: (port: PublishPort) => void
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

interface Entry {
  readonly message: OutgoingMessage
  /** Size of its content. */
  readonly bytes: number
  readonly deadline: number
  readonly resolve: () => void
  readonly reject: (error: PublishError) => void
  /** `waiting` for space in the buffer, `held` in the buffer, or `settled`. */
  state: 'waiting' | 'held' | 'settled'
  /** Whether it was sent, so that the broker may have stored it. */
  sent: boolean
  /** Whether the broker returned it as unroutable. */
  returned: boolean
  /**
   * Whether the broker closed a channel while this and other messages were unconfirmed. It is sent alone next time, to find the
   * cause.
   */
  suspect: boolean
  /** How often the broker closed a channel while this was the only unconfirmed message. */
  strikes: number
}

/** Number of closed channels, for temporary reasons, after which the message that caused them is rejected. */
const STRIKES = 3

/** Creates a publisher. It buffers messages until `open` is called with a channel. */
export function createPublisher({ window: width, buffer, clock, soon }: PublisherOptions): Publisher {
  const budget = createBudget(buffer)
  /** Messages that wait for space in the buffer. */
  const line = createFifo<Entry>()
  /** Messages in the buffer that are ready to be sent. */
  const queue = createFifo<Entry>()
  /** Messages that are sent and not yet confirmed. */
  const underway = createConfirmWindow<Entry>()
  /** Messages in the buffer whose exchange is being checked. */
  const parked = new Map<string, Entry[]>()
  /** Exchanges that exist, as checked on the current connection. */
  const usable = new Set<string>([''])
  const deadlines = createDeadlines(expire, clock)
  let port: PublishPort | undefined
  let blocked = false
  let pending = 0
  let woken = false
  let alone = false
  let finishing: PromiseWithResolvers<void> | undefined

  function settle(entry: Entry, error?: PublishError): void {
    if (entry.state === 'settled') return
    if (entry.state === 'held') budget.give(entry.bytes)
    entry.state = 'settled'
    pending--
    if (error) entry.reject(error)
    else entry.resolve()
    if (line.size > 0) admit()
    if (pending === 0) finishing?.resolve()
  }

  function settleStored(entry: Entry): void {
    settle(entry, entry.returned ? errors.unroutable(entry.message) : undefined)
  }

  function settleRefused(entry: Entry): void {
    settle(entry, errors.refused(entry.message))
  }

  function admit(): void {
    for (let entry = line.first; entry && budget.fits(entry.bytes); entry = line.first) {
      line.shift()
      hold(entry)
    }
  }

  function hold(entry: Entry): void {
    entry.state = 'held'
    budget.take(entry.bytes)
    queue.push(entry)
    wake()
  }

  /** Schedules one `pump` for all messages that are published in the same turn. */
  function wake(): void {
    if (woken || !port || blocked || underway.size >= width) return
    woken = true
    soon(pump)
  }

  function pump(): void {
    woken = false
    while (port && !blocked && underway.size < width) {
      const entry = queue.first
      if (!entry || (underway.size > 0 && (alone || entry.suspect))) return
      queue.shift()
      if (entry.state === 'settled') continue
      if (usable.has(entry.message.exchange)) send(entry, port)
      else park(entry, port)
    }
  }

  function send(entry: Entry, on: PublishPort): void {
    try {
      on.send(entry.message, entry.bytes)
    }
    catch (error) {
      settle(entry, errors.unwritable(entry.message, error))
      return
    }
    entry.sent = true
    alone = entry.suspect
    underway.add(entry)
  }

  function park(entry: Entry, on: PublishPort): void {
    const { exchange } = entry.message
    const others = parked.get(exchange)
    if (others) {
      others.push(entry)
      return
    }
    parked.set(exchange, [entry])
    void on.check(exchange).then((fault) => {
      // Ignore the answer if the channel was replaced: the next channel checks again.
      if (port === on) checked(exchange, on, fault)
    })
  }

  function checked(exchange: string, on: PublishPort, fault: Fault | undefined): void {
    const entries = parked.get(exchange) ?? []
    parked.delete(exchange)
    if (fault?.code !== undefined) {
      for (const entry of entries) settle(entry, errors.rejectedBy(fault, entry.message))
      return
    }
    if (!fault) usable.add(exchange)
    queue.unshift(entries)
    // A blocked broker does not answer, which is not a reason to drop the connection.
    if (fault && !blocked) on.abandon(fault.text)
    else wake()
  }

  function expire(now: number): number {
    const over: Entry[] = []
    let next = Number.POSITIVE_INFINITY
    const lives = (entry: Entry) => {
      if (entry.deadline <= now) over.push(entry)
      else next = Math.min(next, entry.deadline)
      return entry.deadline > now
    }
    line.filter(lives)
    queue.filter(lives)
    for (const [exchange, entries] of parked) parked.set(exchange, entries.filter(lives))
    // Sent messages keep their place in the window, because the broker still confirms them by number.
    for (const entry of underway.items()) lives(entry)
    for (const entry of over) settle(entry, lateness(entry))
    return next
  }

  function lateness({ message, sent, state }: Entry): PublishError {
    if (sent) return errors.unknownOutcome(message)
    if (blocked) return errors.blocked(message)
    return state === 'waiting' && port ? errors.bufferFull(message) : errors.unavailable(message)
  }

  /** Finds the message that made the broker close the channel. With several candidates, each is sent alone next time. */
  function judge(entries: Entry[], fault: Fault): void {
    const [culprit, ...others] = entries
    if (!culprit || others.length > 0) {
      for (const entry of entries) entry.suspect = true
    }
    else if (++culprit.strikes >= STRIKES || !isPassing(fault)) {
      settle(culprit, errors.rejectedBy(fault, culprit.message))
    }
  }

  return {
    get pending() {
      return pending
    },
    publish(message, timeout) {
      const bytes = Buffer.byteLength(message.content)
      if (finishing) return Promise.reject(errors.closed(message))
      if (bytes > buffer.bytes) return Promise.reject(errors.tooLarge(message, bytes, buffer.bytes))
      const fits = line.size === 0 && budget.fits(bytes)
      if (!fits && buffer.onFull === 'reject') return Promise.reject(blocked ? errors.blocked(message) : errors.bufferFull(message))
      return new Promise((resolve, reject) => {
        const deadline = clock.now() + timeout
        const entry: Entry = {
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
        }
        pending++
        deadlines.watch(deadline)
        if (fits) hold(entry)
        else line.push(entry)
      })
    },
    open(next) {
      port = next
      usable.clear()
      usable.add('')
      pump()
    },
    confirmed(tag, multiple, stored) {
      underway.confirm(tag, multiple, stored ? settleStored : settleRefused)
      if (queue.size > 0) pump()
    },
    returned({ messageId, exchange, routingKey }) {
      for (const entry of underway.items()) {
        const { message } = entry
        const isSame = message.properties.messageId === messageId && message.exchange === exchange && message.routingKey === routingKey
        if (!entry.returned && isSame) {
          entry.returned = true
          return
        }
      }
    },
    lost(fault) {
      port = undefined
      const entries = underway.drain()
      if (blamesClient(fault)) judge(entries, fault)
      for (const entry of entries) entry.returned = false
      queue.unshift([...entries, ...parked.values()].flat().filter(entry => entry.state !== 'settled'))
      parked.clear()
      return entries.length
    },
    block(next) {
      blocked = next
      if (!blocked) pump()
    },
    finish() {
      if (!finishing) {
        finishing = Promise.withResolvers()
        if (pending === 0) finishing.resolve()
      }
      return finishing.promise
    },
    end() {
      finishing ??= Promise.withResolvers()
      port = undefined
      deadlines.stop()
      const left = [...underway.drain(), ...[...parked.values()].flat(), ...queue.drain(), ...line.drain()]
      for (const entry of left) settle(entry, entry.sent ? errors.unknownOutcome(entry.message) : errors.closed(entry.message))
    },
  }
}
