import { randomUUID } from 'node:crypto'
import type { MessageProperties as AmqpProperties } from 'amqplib'
import type { HeaderValue, MessageProperties } from '../message'

const NO_HEADERS: MessageProperties['headers'] = Object.freeze({})

/** What was written, also by somebody who writes less: a message without an id gets one of its own, that no other copy of it has. */
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

/** How often the broker has seen it come back, of queues that count. */
export function deliveryCount({ headers }: AmqpProperties): number {
  const count: unknown = headers?.['x-delivery-count']
  return typeof count === 'number' ? count : 0
}

/** Lists and tables, such as the broker's own history of a message, are left out. */
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
