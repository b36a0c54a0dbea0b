import { STATUS_CODES } from 'node:http'
import type { ErrorCode } from './error-codes'
import { PUBLIC_SENTENCES } from './error-codes'

/** The body of an error response. */
export interface ErrorBody {
  error: true
  statusCode: number
  statusMessage: string
  message: string
  data: { code: ErrorCode }
}

/** Creates the body of an error response, in the format of Nitro's error handler. */
export function bodyOf(statusCode: number, code: ErrorCode, message: string): ErrorBody {
  return { error: true, statusCode, statusMessage: STATUS_CODES[statusCode] ?? '', message, data: { code } }
}

/** Options of an {@link HttpError}. */
export interface HttpErrorOptions {
  /** The original error. It never leaves the server. */
  cause?: unknown
  /** Seconds after which the client can retry, for `Retry-After`. */
  retryAfter?: number
}

/**
 * An error with an HTTP status, a code and a public sentence. Its `message` is for the code of the app and the log, and may contain
 * details of the server. The client gets only the public sentence of the code.
 *
 * A private message cannot leak: `unhandled` makes h3, Nitro and Nuxt hide it in every response, and `toJSON` contains the public sentence.
 * `answerErrors` sends the public sentence and the code instead of "Server Error".
 */
export class HttpError extends Error {
  /** Marks the error as one of h3, which checks this property and not the class. The core can therefore throw it without h3. */
  static readonly __h3_error__ = true
  /** Stable code. Compare the code and not the class, because a bundle may contain the class twice. */
  readonly code: ErrorCode
  readonly statusCode: number
  /** Seconds after which the client can retry, for `Retry-After`. */
  readonly retryAfter: number | undefined

  /** @param message full message: what is wrong, where, and what to do */
  constructor(status: number, code: ErrorCode, message: string, { cause, retryAfter }: HttpErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'HttpError'
    this.code = code
    this.statusCode = status
    this.retryAfter = retryAfter
  }

  /** The message for the client. */
  get publicMessage(): string {
    return PUBLIC_SENTENCES[this.code]
  }

  get statusMessage(): string {
    return STATUS_CODES[this.statusCode] ?? ''
  }

  /** Data that h3 and Nitro include in the body of the response. */
  get data(): { code: ErrorCode } {
    return { code: this.code }
  }

  /** Whether `message` is private, so that h3 and Nitro must hide it. */
  get unhandled(): boolean {
    return this.message !== this.publicMessage
  }

  get fatal(): boolean {
    return false
  }

  toJSON(): ErrorBody {
    return bodyOf(this.statusCode, this.code, this.publicMessage)
  }
}

/** Returns whether an error is an {@link HttpError}. It does not compare classes, because a bundle may contain the class twice. */
export function isHttpError(error: unknown): error is HttpError {
  return typeof (error as { publicMessage?: unknown } | undefined)?.publicMessage === 'string'
}

/** An error whose full message is sent to the client, because it is about the request of the client. */
export class PublicError extends HttpError {
  override get publicMessage(): string {
    return this.message
  }
}
