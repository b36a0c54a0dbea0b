import { HttpError } from '../request/errors'

/** Codes of a message that was never sent, so that publishing it again stores it once. */
const NEVER_SENT = ['BUFFER_FULL', 'BLOCKED', 'CLOSED', 'UNAVAILABLE'] as const
type PublishErrorCode = typeof NEVER_SENT[number] | 'UNROUTABLE' | 'EXCHANGE' | 'UNKNOWN_OUTCOME' | 'REFUSED'

/** A message was not stored, or nobody knows. `code` tells which. The request is answered with 503 when it was never sent, else with 500. */
export class PublishError extends HttpError {
  /**
   * `UNROUTABLE`: no queue takes it. `EXCHANGE`: its exchange is not there or refused it. `BUFFER_FULL`, `BLOCKED`, `CLOSED`, `UNAVAILABLE`: it was never sent;
   * the last when its time was up before there was a connection that took it.
   * `UNKNOWN_OUTCOME`: it was sent, and no confirm came in time; it may be stored. `REFUSED`: the broker could not store it.
   */
  declare readonly code: PublishErrorCode

  constructor(code: PublishErrorCode, message: string, { cause }: ErrorOptions = {}) {
    const isUnsent = (NEVER_SENT as readonly string[]).includes(code)
    super(isUnsent ? 503 : 500, code, message, { cause, retryAfter: isUnsent ? 1 : undefined })
    this.name = 'PublishError'
  }
}
