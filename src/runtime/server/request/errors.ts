import { STATUS_CODES } from 'node:http'
import type { ErrorCode } from './error-codes'
import { PUBLIC_SENTENCES } from './error-codes'

/** The body of a response that refuses a request or tells a failure. */
export interface ErrorBody {
  error: true
  statusCode: number
  statusMessage: string
  message: string
  data: { code: ErrorCode }
}

/** The body for a public sentence, as Nitro's error handler writes it. */
export function bodyOf(statusCode: number, code: ErrorCode, message: string): ErrorBody {
  return { error: true, statusCode, statusMessage: STATUS_CODES[statusCode] ?? '', message, data: { code } }
}

/** What an {@link HttpError} carries besides its message. */
export interface HttpErrorOptions {
  /** The error behind it. It never leaves the server. */
  cause?: unknown
  /** Seconds after which the request may work, for `Retry-After`. */
  retryAfter?: number
}

/**
 * An error that knows how it is answered. Its `message` is for the app's own code and the log, and may name anything of the server;
 * the client gets the public sentence of its code.
 *
 * A private message cannot leak by construction. `unhandled` makes h3, Nitro and Nuxt hide it wherever they answer,
 * `toJSON` holds the public sentence, and `answerErrors` gives the client that sentence and the code instead of "Server Error".
 */
export class HttpError extends Error {
  /** h3's own mark, by which it also knows errors of another copy of itself, so that the core needs no h3 to throw one. */
  static readonly __h3_error__ = true
  /** Compare this instead of the class, which may exist twice in a bundle. */
  readonly code: ErrorCode
  readonly statusCode: number
  /** Seconds after which it may work, for `Retry-After`. */
  readonly retryAfter: number | undefined

  /** @param message the whole sentence: what is wrong, where, and what to do */
  constructor(status: number, code: ErrorCode, message: string, { cause, retryAfter }: HttpErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'HttpError'
    this.code = code
    this.statusCode = status
    this.retryAfter = retryAfter
  }

  /** What the client is told. */
  get publicMessage(): string {
    return PUBLIC_SENTENCES[this.code]
  }

  get statusMessage(): string {
    return STATUS_CODES[this.statusCode] ?? ''
  }

  /** Part of the body of a response, where h3 and Nitro make it. */
  get data(): { code: ErrorCode } {
    return { code: this.code }
  }

  /** Whether `message` must not leave the server. */
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

/** Whether an error is one of the module's. The class may exist twice in a bundle. */
export function isHttpError(error: unknown): error is HttpError {
  return typeof (error as { publicMessage?: unknown } | undefined)?.publicMessage === 'string'
}

/** An error whose message goes to the client as it is, because it is about what the client itself sent. */
export class PublicError extends HttpError {
  override get publicMessage(): string {
    return this.message
  }
}
