import { HttpError } from '../request/errors'
import type { Fault } from './fault'
import { REPLY } from './fault'
import type { OutgoingMessage } from './message'

/** Codes that mean the message was never sent. Publishing it again cannot store it twice. */
const NEVER_SENT = ['BUFFER_FULL', 'BLOCKED', 'CLOSED', 'UNAVAILABLE'] as const
type PublishErrorCode = typeof NEVER_SENT[number] | 'UNROUTABLE' | 'EXCHANGE' | 'UNKNOWN_OUTCOME' | 'REFUSED'

/**
 * Thrown when a message was not stored, or when its outcome is unknown; see `code`. If the error is not caught in a request, the
 * response is 503 when the message was never sent, else 500.
 */
export class PublishError extends HttpError {
  /**
   * - `UNROUTABLE`: no queue is bound for the message.
   * - `EXCHANGE`: the exchange does not exist, or this user may not use it.
   * - `REFUSED`: the broker could not store the message.
   * - `BUFFER_FULL`: never sent, because the buffer is full.
   * - `BLOCKED`: never sent, because the broker is short of memory or disk space.
   * - `CLOSED`: never sent, because the server is shutting down.
   * - `UNAVAILABLE`: never sent, because no connection was available before the timeout.
   * - `UNKNOWN_OUTCOME`: sent but not confirmed in time. The message may be stored.
   */
  declare readonly code: PublishErrorCode

  constructor(code: PublishErrorCode, message: string, { cause }: ErrorOptions = {}) {
    const isUnsent = (NEVER_SENT as readonly string[]).includes(code)
    super(isUnsent ? 503 : 500, code, message, { cause, retryAfter: isUnsent ? 1 : undefined })
    this.name = 'PublishError'
  }
}

function describe({ exchange, routingKey }: OutgoingMessage): string {
  return exchange === ''
    ? `The message for the queue "${routingKey}"`
    : `The message for the exchange "${exchange}" with the routing key "${routingKey}"`
}

export function tooLarge(message: OutgoingMessage, bytes: number, most: number): PublishError {
  return new PublishError('BUFFER_FULL', `${describe(message)} was not sent: it has ${bytes} bytes, more than the whole buffer can hold. `
    + `Raise scale.rabbitmq.buffer.bytes (${most}).`)
}

export function bufferFull(message: OutgoingMessage): PublishError {
  return new PublishError('BUFFER_FULL', `${describe(message)} was not sent: the buffer is full. `
    + 'Publish fewer messages at a time, or raise scale.rabbitmq.buffer.')
}

export function blocked(message: OutgoingMessage): PublishError {
  return new PublishError('BLOCKED', `${describe(message)} was not sent: `
    + 'RabbitMQ accepts no messages now, because it is short of memory or disk space.')
}

export function closed(message: OutgoingMessage): PublishError {
  return new PublishError('CLOSED', `${describe(message)} was not sent: the connection is closed.`)
}

export function unavailable(message: OutgoingMessage): PublishError {
  return new PublishError('UNAVAILABLE', `${describe(message)} was not sent: RabbitMQ was not available before the timeout. `
    + 'Publish it again later.')
}

export function unknownOutcome(message: OutgoingMessage): PublishError {
  return new PublishError('UNKNOWN_OUTCOME', `${describe(message)} was sent, but RabbitMQ did not confirm it in time: `
    + 'the outcome is unknown. If it must not be lost, publish it again with the same messageId.')
}

export function unroutable(message: OutgoingMessage): PublishError {
  return new PublishError('UNROUTABLE', `${describe(message)} was not stored, because no queue is bound for it. `
    + `Add a consumer for it to server/consumers/, or pass { unroutable: 'ignore' } to publish() if the message may be dropped.`)
}

/** The broker rejected the message with a `nack`, which contains no reason. */
export function refused(message: OutgoingMessage): PublishError {
  return new PublishError('REFUSED', `${describe(message)} was refused: RabbitMQ could not store it. `
    + 'Its queue may be full, or may have lost the majority of its nodes.')
}

/** The broker closed the channel because of this message. */
export function rejectedBy(fault: Fault, message: OutgoingMessage): PublishError {
  return fault.code === REPLY.NOT_FOUND || fault.code === REPLY.ACCESS_REFUSED
    ? new PublishError('EXCHANGE', `${describe(message)} was not stored: ${fault.text}.`)
    : new PublishError('REFUSED', `${describe(message)} was refused: ${fault.text}.`)
}

/** The client could not encode the message. */
export function unwritable(message: OutgoingMessage, error: unknown): PublishError {
  return new PublishError('REFUSED', `${describe(message)} was not sent: ${error instanceof Error ? error.message : String(error)}.`)
}
