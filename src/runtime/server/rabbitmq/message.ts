/** Maximum bytes of an AMQP short string, the type of ids, names and routing keys. */
export const MOST_SHORT = 255
/** Maximum bytes that one UTF-16 code unit of a JavaScript string needs in UTF-8. */
export const BYTES_A_CHARACTER = 3

/** A header value that AMQP transfers unchanged. */
export type HeaderValue = string | number | boolean

/** The properties of a message, without its content. */
export interface MessageProperties {
  /** Id of the message. All copies of a message have the same id, so consumers can detect duplicates. */
  messageId: string
  /** Kind of message. `publish` uses the routing key by default. */
  type?: string
  /** App that published the message. */
  appId?: string
  /** Time of publishing, in whole seconds since 1970, the resolution of AMQP. */
  timestamp: number
  /** MIME type of the content. `publish` sets `application/json`. */
  contentType: string
  /** Id that relates a reply to its request. */
  correlationId?: string
  /** Queue or address for the reply. */
  replyTo?: string
  headers: Readonly<Record<string, HeaderValue>>
}

/** A message to be published. */
export interface OutgoingMessage {
  /** A topic exchange, or `''` for the default exchange, which routes to the queue named by the routing key. */
  exchange: string
  routingKey: string
  /** A string, which is sent as UTF-8, or the bytes of a delivery, which are sent unchanged. */
  content: string | Buffer
  properties: MessageProperties
  /** Whether publishing fails when no queue is bound for the message. */
  mandatory: boolean
}

/**
 * A message that was delivered to a consumer. It can be settled once. If its connection is lost, settling it has no effect, because
 * the broker delivers the message again.
 */
export interface Delivery extends Omit<OutgoingMessage, 'mandatory' | 'content'> {
  content: Buffer
  /** The queue that delivered it. */
  queue: string
  /** Whether the broker has delivered it before. */
  redelivered: boolean
  /** How often it was returned to the queue unsettled. 0 if the queue does not count it. */
  deliveryCount: number
  /** Acknowledges it: the broker removes it from the queue. */
  ack: () => void
  /** Rejects it. With `requeue` it returns to the queue and counts towards the delivery limit, else it goes to the dead-letter queue. */
  reject: (requeue: boolean) => void
  /** Returns it to the queue unhandled. From RabbitMQ 4.3 this does not count towards the delivery limit. */
  release: () => void
}

/** Whether AMQP can transfer a number only as a floating-point number, because it is not a whole number or is too large. */
export function isDouble(value: number): boolean {
  return !Number.isSafeInteger(value) || Object.is(value, -0)
}
