import { randomUUID } from 'node:crypto'
import type { MessageProperties as AmqpProperties } from 'amqplib'
import type { HeaderValue, MessageProperties } from '../message'

const NO_HEADERS: MessageProperties['headers'] = Object.freeze({})

/**
 * Reads the properties of a message. Other clients may send fewer of them: a message without an id gets a random one, different for
 * each delivery.
 */
export function readProperties(properties: AmqpProperties): MessageProperties {
  return {
    messageId: text(properties.messageId) ?? randomUUID(),
    type: text(properties.type),
    appId: text(properties.appId),
    timestamp: typeof properties.timestamp === 'number' ? properties.timestamp : 0,
    contentType: text(properties.contentType) ?? 'application/octet-stream',
    correlationId: text(properties.correlationId),
    replyTo: text(properties.replyTo),
    headers: readHeaders(properties.headers),
  }
}

/** Returns how often a message was returned to its queue; 0 if the queue does not count it. */
export function deliveryCount({ headers }: AmqpProperties): number {
  const count: unknown = headers?.['x-delivery-count']
  return typeof count === 'number' ? count : 0
}

/** Reads the headers, without lists and tables, such as the `x-death` history of the broker. */
function readHeaders(headers: AmqpProperties['headers']): MessageProperties['headers'] {
  let read: Record<string, HeaderValue> | undefined
  for (const name in headers) {
    const value: unknown = headers[name]
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') (read ??= {})[name] = value
  }
  return read ?? NO_HEADERS
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
