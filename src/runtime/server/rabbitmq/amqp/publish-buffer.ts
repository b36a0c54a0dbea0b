import type { Clock } from '../../core/clock'
import { LONGEST_TIMER } from '../../core/deadline'
import type { OutgoingMessage } from '../message'
import type { PublishError } from '../publish-error'

/** Maximum number and total size of messages in the buffer. */
interface BufferLimits {
  messages: number
  bytes: number
}

/** Limits of the messages that wait in this process to be sent or confirmed. */
export interface BufferOptions extends BufferLimits {
  /**
   * Behaviour of a publish when the buffer is full: `reject` immediately, or `wait` for space until its timeout.
   * The limits do not include messages that wait for space, so code that publishes many messages should await each publish.
   */
  onFull: 'reject' | 'wait'
}

/** A message between `publish()` and its outcome. */
export interface PublishEntry {
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

/**
 * The messages that are not sent, in their order. It also counts the space of the messages that are sent and not yet confirmed,
 * because they may have to be sent again.
 */
export class PublishBuffer {
  readonly #budget: BufferBudget
  /** Messages that wait for space. */
  readonly #line = createFifo<PublishEntry>()
  /** Messages that are ready to be sent. */
  readonly #ready = createFifo<PublishEntry>()
  /** Messages whose exchange is being checked. */
  readonly #parked = new Map<string, PublishEntry[]>()

  readonly #onReady: () => void

  /** @param onReady is called when a message is ready to be sent */
  constructor(limits: BufferLimits, onReady: () => void) {
    this.#onReady = onReady
    this.#budget = createBufferBudget(limits)
  }

  /** The next message that is ready to be sent. */
  get first(): PublishEntry | undefined {
    return this.#ready.first
  }

  /** Whether a message of this size can be added without waiting. */
  fits(bytes: number): boolean {
    return this.#line.size === 0 && this.#budget.fits(bytes)
  }

  add(entry: PublishEntry): void {
    if (this.fits(entry.bytes)) this.#hold(entry)
    else this.#line.push(entry)
  }

  /** Removes the first message, to send or park it. */
  shift(): void {
    this.#ready.shift()
  }

  /** Puts messages in front of those that are ready, and keeps their order. */
  putBack(entries: readonly PublishEntry[]): void {
    this.#ready.unshift(entries.filter(entry => entry.state !== 'settled'))
  }

  /** Frees the space of a message that gets its outcome now, and gives it to those that wait. */
  settle(entry: PublishEntry): void {
    if (entry.state === 'held') this.#budget.give(entry.bytes)
    entry.state = 'settled'
    for (let next = this.#line.first; next && this.#budget.fits(next.bytes); next = this.#line.first) {
      this.#line.shift()
      this.#hold(next)
    }
  }

  /** Keeps a message until its exchange is checked. @returns whether it is the first one, so that the check must be started */
  park(entry: PublishEntry): boolean {
    const others = this.#parked.get(entry.message.exchange)
    if (others) others.push(entry)
    else this.#parked.set(entry.message.exchange, [entry])
    return !others
  }

  /** Removes and returns the messages that were parked for an exchange; without a name, for all exchanges. */
  unpark(exchange?: string): PublishEntry[] {
    const names = exchange === undefined ? [...this.#parked.keys()] : [exchange]
    return names.flatMap((name) => {
      const entries = this.#parked.get(name) ?? []
      this.#parked.delete(name)
      return entries
    })
  }

  /** Removes the messages for which `keep` returns `false`. */
  filter(keep: (entry: PublishEntry) => boolean): void {
    this.#line.filter(keep)
    this.#ready.filter(keep)
    for (const [exchange, entries] of this.#parked) this.#parked.set(exchange, entries.filter(keep))
  }

  /** Removes and returns all messages. */
  drain(): PublishEntry[] {
    return [...this.unpark(), ...this.#ready.drain(), ...this.#line.drain()]
  }

  #hold(entry: PublishEntry): void {
    entry.state = 'held'
    this.#budget.take(entry.bytes)
    this.#ready.push(entry)
    this.#onReady()
  }
}

/** A first-in, first-out queue. Items can also be put back in front. */
export interface Fifo<Item> {
  readonly size: number
  /** The next item. */
  readonly first: Item | undefined
  push: (item: Item) => void
  shift: () => Item | undefined
  /** Puts items in front of all others and keeps their order. */
  unshift: (items: readonly Item[]) => void
  /** Removes the items for which `keep` returns `false`. */
  filter: (keep: (item: Item) => boolean) => void
  /** Removes and returns all items. */
  drain: () => Item[]
}

/** Minimum number of empty places in front before the array is copied. `Array.shift` would move all other items at each call. */
const SLACK = 1024

export function createFifo<Item>(): Fifo<Item> {
  let items: (Item | undefined)[] = []
  let head = 0
  const rest = () => items.slice(head) as Item[]
  const replace = (next: Item[]) => {
    items = next
    head = 0
  }
  return {
    get size() {
      return items.length - head
    },
    get first() {
      return items[head]
    },
    push(item) {
      items.push(item)
    },
    shift() {
      if (head === items.length) return undefined
      const item = items[head]
      items[head++] = undefined
      if (head === items.length) items.length = head = 0
      else if (head > SLACK && head * 2 > items.length) replace(rest())
      return item
    },
    unshift(added) {
      if (added.length > 0) replace([...added, ...rest()])
    },
    filter(keep) {
      replace(rest().filter(keep))
    },
    drain() {
      const all = rest()
      replace([])
      return all
    },
  }
}

/** Counts the messages in the buffer and compares them with the limits. */
export interface BufferBudget {
  readonly messages: number
  readonly bytes: number
  /** Whether another message of this size fits. */
  fits: (bytes: number) => boolean
  take: (bytes: number) => void
  give: (bytes: number) => void
}

export function createBufferBudget(limits: BufferLimits): BufferBudget {
  let heldMessages = 0
  let heldBytes = 0
  return {
    get messages() {
      return heldMessages
    },
    get bytes() {
      return heldBytes
    },
    fits: bytes => heldMessages < limits.messages && heldBytes + bytes <= limits.bytes,
    take(bytes) {
      heldMessages++
      heldBytes += bytes
    },
    give(bytes) {
      heldMessages--
      heldBytes -= bytes
    },
  }
}

/** One shared timer for the deadlines of all buffered messages. */
export interface Deadlines {
  /** Ensures that `expire` is called at this time. */
  watch: (deadline: number) => void
  stop: () => void
}

/** Minimum milliseconds between two checks, so that deadlines close together share one check. */
const GRAIN = 20

/**
 * Creates the timer.
 *
 * @param expire is called when the earliest deadline may have passed. It must end all messages whose deadline has passed, and return the
 * earliest of the other deadlines, or Infinity
 */
export function createDeadlines(expire: (now: number) => number, clock: Clock): Deadlines {
  let timer: unknown
  let due = Number.POSITIVE_INFINITY

  function arm(deadline: number): void {
    clock.clearTimeout(timer)
    due = deadline
    timer = clock.setTimeout(() => {
      due = Number.POSITIVE_INFINITY
      const next = expire(clock.now())
      if (next < due) arm(next)
    }, Math.min(LONGEST_TIMER, Math.max(GRAIN, Math.ceil(deadline - clock.now()))))
  }

  return {
    watch(deadline) {
      if (deadline < due) arm(deadline)
    },
    stop() {
      clock.clearTimeout(timer)
      due = Number.NEGATIVE_INFINITY
    },
  }
}
