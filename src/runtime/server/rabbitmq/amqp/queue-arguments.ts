import type { QueueDeclaration } from '../topology'
import type { ServerVersion } from './version'
import { isAtLeast } from './version'

/**
 * The arguments that declare a queue. As few as possible: a queue that exists with other ones cannot be changed by declaring it.
 *
 * From 4.0 a quorum queue without a delivery limit gets one of 20, after which a message is dropped; -1 means none there,
 * while 3.x takes -1 for a limit and drops a message the first time it comes back.
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
    // Without these two a dead letter is lost when its queue cannot take it at that moment.
    given['x-dead-letter-strategy'] = 'at-least-once'
    given['x-overflow'] = 'reject-publish'
  }
  return given
}
