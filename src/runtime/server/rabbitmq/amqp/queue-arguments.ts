import type { QueueDeclaration } from '../topology'

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

/** Major and minor version of RabbitMQ, on which its behaviour depends. */
export interface ServerVersion {
  major: number
  minor: number
}

/** Assumed version of a server that does not report one: the oldest supported version. */
const OLDEST: ServerVersion = { major: 3, minor: 10 }

/** Parses a version such as `3.10.8` or `4.3.0-rc.1`. */
export function parseVersion(text: string | undefined): ServerVersion {
  const match = /^(\d+)\.(\d+)/.exec(text ?? '')
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : OLDEST
}

/** Whether a version is `wantedMajor.wantedMinor` or later. */
export function isAtLeast({ major, minor }: ServerVersion, wantedMajor: number, wantedMinor = 0): boolean {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}
