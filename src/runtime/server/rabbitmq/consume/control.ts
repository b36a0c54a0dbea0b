import type { Duration } from '../../core/duration'
import { parseWait } from '../settings'

/**
 * Throw it in a handler when retries cannot help: the message goes to the dead-letter queue immediately.
 *
 * @example
 * ```ts
 * if (!order) throw new RejectMessage(`There is no order ${orderId}.`)
 * ```
 */
export class RejectMessage extends Error {
  override readonly name = 'RejectMessage'
  /** Value of the header `scale-reason` of the dead letter. */
  readonly kind: 'rejected' | 'invalid'

  /** @param reason is stored with the dead letter and logged, so do not include secrets */
  constructor(reason: string, options: ErrorOptions & { kind?: 'rejected' | 'invalid' } = {}) {
    super(reason, options)
    this.kind = options.kind ?? 'rejected'
  }
}

/**
 * Throw it in a handler to retry the message after `delay`, for example after the `Retry-After` of another service. The retry
 * counts as an attempt. The pause is the shortest of the consumer's `retry.delays` that is at least `delay`, or the longest of them
 * if all are shorter.
 *
 * @example
 * ```ts
 * throw new RetryMessage('The mail service is busy.', { delay: '30s' })
 * ```
 */
export class RetryMessage extends Error {
  override readonly name = 'RetryMessage'
  /** Requested pause in milliseconds; undefined for the regular pause of this attempt. */
  readonly delay: number | undefined

  constructor(reason: string, options: ErrorOptions & { delay?: Duration } = {}) {
    super(reason, options)
    this.delay = options.delay === undefined ? undefined : parseWait(options.delay, 'The delay of RetryMessage')
  }
}
