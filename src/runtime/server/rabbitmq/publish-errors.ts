import type { Fault } from './amqp/faults'
import { REPLY } from './amqp/faults'
import { PublishError } from './errors'
import type { OutgoingMessage } from './message'

function describe({ exchange, routingKey }: OutgoingMessage): string {
  return exchange === '' ? `The message for the queue "${routingKey}"` : `The message for the exchange "${exchange}" with the key "${routingKey}"`
}

export function tooLarge(message: OutgoingMessage, bytes: number, most: number): PublishError {
  return new PublishError('BUFFER_FULL', `${describe(message)} was not sent: its ${bytes} bytes are more than the whole buffer holds. Raise scale.rabbitmq.buffer.bytes (${most}).`)
}

export function bufferFull(message: OutgoingMessage): PublishError {
  return new PublishError('BUFFER_FULL', `${describe(message)} was not sent: the buffer is full. Publish less at a time, or raise scale.rabbitmq.buffer.`)
}

export function blocked(message: OutgoingMessage): PublishError {
  return new PublishError('BLOCKED', `${describe(message)} was not sent: RabbitMQ takes no messages now, for it is short of memory or disk.`)
}

export function closed(message: OutgoingMessage): PublishError {
  return new PublishError('CLOSED', `${describe(message)} was not sent: the connection is closed.`)
}

export function unavailable(message: OutgoingMessage): PublishError {
  return new PublishError('UNAVAILABLE', `${describe(message)} was not sent: RabbitMQ took nothing until its time was up.`)
}

export function unknownOutcome(message: OutgoingMessage): PublishError {
  return new PublishError('UNKNOWN_OUTCOME', `${describe(message)} was sent, and RabbitMQ did not confirm it in time: the outcome is unknown. Publish it again with the same messageId if it must not be lost.`)
}

export function unroutable(message: OutgoingMessage): PublishError {
  return new PublishError('UNROUTABLE', `${describe(message)} was not stored, because no queue takes it. Add a consumer of it to server/consumers/, `
    + `or pass { unroutable: 'ignore' } to publish() if the message may be dropped.`)
}

/** The broker said no to this one, without a word. */
export function refused(message: OutgoingMessage): PublishError {
  return new PublishError('REFUSED', `${describe(message)} was refused: RabbitMQ could not store it, as when its queue is full or has lost its majority.`)
}

/** The broker closed the channel over it. */
export function rejectedBy(fault: Fault, message: OutgoingMessage): PublishError {
  return fault.code === REPLY.NOT_FOUND || fault.code === REPLY.ACCESS_REFUSED
    ? new PublishError('EXCHANGE', `${describe(message)} was not stored: ${fault.text}.`)
    : new PublishError('REFUSED', `${describe(message)} was refused: ${fault.text}.`)
}

/** The client could not write it. */
export function unwritable(message: OutgoingMessage, error: unknown): PublishError {
  return new PublishError('REFUSED', `${describe(message)} was not sent: ${error instanceof Error ? error.message : String(error)}.`)
}
