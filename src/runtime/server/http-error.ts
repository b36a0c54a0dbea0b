import { STATUS_CODES } from 'node:http'

/**
 * An error with an answer: `status` and the message go to the client as they are.
 * It bears h3's own mark, by which h3 also knows errors of another copy of itself, so that the core needs no h3 to throw one.
 */
export class HttpError extends Error {
  static readonly __h3_error__ = true
  readonly statusCode: number
  readonly statusMessage: string
  readonly fatal = false
  readonly unhandled = false
  /** Seconds after which it may work, for `Retry-After`. */
  readonly retryAfter: number | undefined

  constructor(status: number, message: string, options: { cause?: unknown, retryAfter?: number } = {}) {
    super(message, { cause: options.cause })
    this.name = 'HttpError'
    this.statusCode = status
    this.statusMessage = STATUS_CODES[status] ?? ''
    this.retryAfter = options.retryAfter
  }

  toJSON(): { statusCode: number, message: string } {
    return { statusCode: this.statusCode, message: this.message }
  }
}
