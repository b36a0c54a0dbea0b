import { HttpError } from '../request/errors'

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
