/** Bytes that AMQP holds in a short string, as ids and keys are. */
export const MOST_SHORT = 255
/** A character of JavaScript takes three bytes of UTF-8 at most. */
export const BYTES_A_CHARACTER = 3

/** What a header can hold and still arrive as it was sent. */
export type HeaderValue = string | number | boolean

/** Everything about a message but its content. */
export interface MessageProperties {
  /** The same in every sending of one message, so that consumers can tell a second copy. */
  messageId: string
  /** What kind of message it is. Default where it is published: its routing key. */
  type?: string
  /** The app that published it. */
  appId?: string
  /** When it was published, in whole seconds since 1970: AMQP has no finer time. */
  timestamp: number
  contentType: string
  correlationId?: string
  replyTo?: string
  headers: Readonly<Record<string, HeaderValue>>
}

/** A message on its way out. */
export interface OutgoingMessage {
  /** A topic exchange; '' is the default exchange, which leads to the queue named by the routing key. */
  exchange: string
  routingKey: string
  /** A text, which travels as UTF-8, or bytes as a delivery brought them. */
  content: string | Buffer
  properties: MessageProperties
  /** Whether it is an error when no queue takes it. */
  mandatory: boolean
}

/** A message that a consumer was given. It is settled once; what is settled on a connection that is gone has no effect, and the broker delivers it anew. */
export interface Delivery extends Omit<OutgoingMessage, 'mandatory' | 'content'> {
  content: Buffer
  /** The queue it came through. */
  queue: string
  /** Whether the broker has delivered it before. */
  redelivered: boolean
  /** How often it came back without being settled, where the queue counts it. */
  deliveryCount: number
  /** Takes it off the queue. */
  ack: () => void
  /** It failed here: `requeue` puts it back and counts towards the delivery limit, else it goes to the dead letters of its queue. */
  reject: (requeue: boolean) => void
  /** It was never begun: puts it back without counting it as a failure where the broker can tell the two apart. */
  release: () => void
}
