import { LONGEST_TIMER } from '../../core/deadline'
import type { Clock } from '../../core/clock'

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

/** Maximum number and total size of messages in the buffer. */
export interface Limits {
  messages: number
  bytes: number
}

/** Counts the messages in the buffer and compares them with the limits. */
export interface Budget {
  readonly messages: number
  readonly bytes: number
  /** Whether another message of this size fits. */
  fits: (bytes: number) => boolean
  take: (bytes: number) => void
  give: (bytes: number) => void
}

export function createBudget(limits: Limits): Budget {
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

/**
 * Messages that were sent on one confirm channel and are not confirmed yet. The broker numbers the messages of a channel from 1, so
 * the window assigns the same numbers.
 */
export interface ConfirmWindow<Item> {
  readonly size: number
  /** Adds an item with the next number. */
  add: (item: Item) => void
  /** Removes the item with the number `tag`, or with `multiple` all items up to it, and passes each of them to `handle`. */
  confirm: (tag: number, multiple: boolean, handle: (item: Item) => void) => void
  /** All items, in the order of sending. */
  items: () => Iterable<Item>
  /** Removes and returns all items, in the order of sending, and starts again with the number 1. */
  drain: () => Item[]
}

export function createConfirmWindow<Item>(): ConfirmWindow<Item> {
  /** Items by tag. A Map keeps the order of insertion, which is the order of the tags. */
  const items = new Map<number, Item>()
  let last = 0
  return {
    get size() {
      return items.size
    },
    add(item) {
      items.set(++last, item)
    },
    confirm(tag, multiple, handle) {
      if (!multiple) {
        const item = items.get(tag)
        if (items.delete(tag)) handle(item as Item)
        return
      }
      for (const [each, item] of items) {
        if (each > tag) return
        items.delete(each)
        handle(item)
      }
    },
    items: () => items.values(),
    drain() {
      const all = [...items.values()]
      items.clear()
      last = 0
      return all
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

/** Limits of the messages that wait in this process to be sent or confirmed. */
export interface BufferOptions extends Limits {
  /**
   * Behaviour of a publish when the buffer is full: `reject` immediately, or `wait` for space until its timeout.
   * The limits do not include messages that wait for space, so code that publishes many messages should await each publish.
   */
  onFull: 'reject' | 'wait'
}
