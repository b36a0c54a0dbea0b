import type { Duration } from '../../cache/types'
import { parseWait } from '../settings'

/**
 * Thrown by a handler: the message will never work, so it goes to the dead letters of its queue at once.
 *
 * @example
 * ```ts
 * if (!order) throw new RejectMessage(`There is no order ${orderId}.`)
 * ```
 */
export class RejectMessage extends Error {
  override readonly name = 'RejectMessage'
  /** How the dead letter is marked. */
  readonly kind: 'rejected' | 'invalid'

  /** @param reason kept with the dead letter; say nothing secret */
  constructor(reason: string, options: ErrorOptions & { kind?: 'rejected' | 'invalid' } = {}) {
    super(reason, options)
    this.kind = options.kind ?? 'rejected'
  }
}

/**
 * Thrown by a handler: the attempt failed, and the next one makes sense after `delay`, such as the `Retry-After` of another service.
 * It is an attempt like any other, and the shortest delay of the consumer that is not shorter is waited; the longest, when none is.
 *
 * @example
 * ```ts
 * throw new RetryMessage('The mail service is busy.', { delay: '30s' })
 * ```
 */
export class RetryMessage extends Error {
  override readonly name = 'RetryMessage'
  /** In milliseconds; undefined for the delay that is due. */
  readonly delay: number | undefined

  constructor(reason: string, options: ErrorOptions & { delay?: Duration } = {}) {
    super(reason, options)
    this.delay = options.delay === undefined ? undefined : parseWait(options.delay, 'The delay of RetryMessage')
  }
}
