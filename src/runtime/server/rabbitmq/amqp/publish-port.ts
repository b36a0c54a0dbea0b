import type { ConfirmChannel, Options } from 'amqplib'
import { IllegalOperationError } from 'amqplib'
import type { HeaderValue, OutgoingMessage } from '../message'
import { isDouble } from '../message'

/**
 * Publishes messages on one confirm channel. It reports confirms to {@link PublishPortOptions.confirmed}. A port needs no signal
 * for back-pressure: the publisher stops while `window` messages are unconfirmed, and a broker that is blocked or slow confirms none.
 */
export interface PublishPort {
  /**
   * Publishes a message. The messages of a channel are numbered from 1 in the order of these calls. If the channel is lost, it
   * does nothing.
   *
   * @param bytes size of its content
   * @throws Error when the message cannot be encoded; then nothing of it is sent and it gets no number
   */
  publish: (message: OutgoingMessage, bytes: number) => void
}

/** Options of a {@link PublishPort}. */
export interface PublishPortOptions {
  channel: ConfirmChannel
  /** Default `appId` of the messages. */
  appId: string | undefined
  /**
   * Called when the broker has confirmed the message with the number `tag`, or with `multiple` all messages up to it. It is not
   * called for messages that are unconfirmed when the channel is lost.
   *
   * @param stored `false` if the broker could not store them
   */
  confirmed: (tag: number, multiple: boolean, stored: boolean) => void
}

/** Creates a port that uses `channel.publish()` of amqplib. It uses only the documented parts of amqplib. */
export function createAmqplibPort({ channel, appId, confirmed }: PublishPortOptions): PublishPort {
  let last = 0
  let isLost = false
  channel.once('close', () => isLost = true)

  function send({ exchange, routingKey, content, mandatory, properties }: OutgoingMessage, tag: number): void {
    const options = { appId, ...properties, headers: typedHeaders(properties.headers), mandatory, persistent: true } as Options.Publish
    channel.publish(exchange, routingKey, typeof content === 'string' ? Buffer.from(content) : content, options, (error) => {
      if (!error) confirmed(tag, false, true)
      // amqplib also reports an error for each unconfirmed message when the channel closes, before it emits `close` to others.
      else queueMicrotask(() => isLost || confirmed(tag, false, false))
    })
  }

  return {
    publish(message) {
      try {
        send(message, last + 1)
      }
      catch (error) {
        if (!(error instanceof IllegalOperationError)) throw error
      }
      last++
    },
  }
}

/** Returns the headers with an explicit type for numbers that amqplib would write as another number. */
function typedHeaders(headers: Readonly<Record<string, HeaderValue>>): Record<string, unknown> {
  const typed: Record<string, unknown> = {}
  for (const name in headers) {
    const value = headers[name]!
    typed[name] = typeof value === 'number' && isDouble(value) ? { '!': 'double', value } : value
  }
  return typed
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
