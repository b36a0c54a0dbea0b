import type { QueueDeclaration } from '../topology'
import type { ServerVersion } from './version'
import { isAtLeast } from './version'

/**
 * Returns the arguments of a queue declaration. It sets as few as possible, because a declaration cannot change the arguments of an
 * existing queue.
 *
 * From RabbitMQ 4.0, a quorum queue without a delivery limit gets the limit 20, after which messages are dropped, and `-1` means no
 * limit. RabbitMQ 3.x would read `-1` as a limit and drop a message the first time it is redelivered.
 */
export function queueArguments(queue: QueueDeclaration, version: ServerVersion): Record<string, string | number> {
  const given: Record<string, string | number> = { 'x-queue-type': queue.type }
  if (queue.messageTtl !== undefined) given['x-message-ttl'] = queue.messageTtl
  if (queue.deadLetterExchange !== undefined) given['x-dead-letter-exchange'] = queue.deadLetterExchange
  if (queue.deadLetterKey !== undefined) given['x-dead-letter-routing-key'] = queue.deadLetterKey
  if (queue.type === 'classic') return given
  if (queue.deliveryLimit !== undefined) given['x-delivery-limit'] = queue.deliveryLimit
  else if (isAtLeast(version, 4)) given['x-delivery-limit'] = -1
  if (queue.deadLetterExchange !== undefined && isAtLeast(version, 3, 10)) {
    // Without these two arguments, a dead letter is lost if the dead-letter queue cannot store it at that moment.
    given['x-dead-letter-strategy'] = 'at-least-once'
    given['x-overflow'] = 'reject-publish'
  }
  return given
}
