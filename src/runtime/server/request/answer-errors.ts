import type { App, H3Error, H3Event } from 'h3'
import type { HttpError } from './errors'
import { isHttpError, PublicError } from './errors'
import { pathOf } from '../core/paths'

export interface AnswerErrorsOptions {
  /** Reports an error to the hooks of the app, as Nitro does before it answers. */
  captureError: (error: Error, context: { event: H3Event, tags: string[] }) => void
  /** Nitro's chain of error handlers, which make the response. */
  errorHandler: (error: H3Error, event: H3Event) => unknown
  /** Logs one line for each error with a private message. The error itself is passed only if its stack is useful. */
  log: (line: string, error?: Error) => void
  /** Whether `log` also gets the unhandled errors of the app, which Nitro otherwise prints itself in several lines. */
  logsErrorsOfApp?: () => boolean
  now?: () => number
}

/** Milliseconds within which the same message is logged only once, because during an outage every request fails with it. */
const QUIET = 1000
/** Largest number of different messages that are remembered. */
const MOST_SENTENCES = 200

/**
 * Answers errors of the module with their public sentence, their code and `Retry-After`. The full message goes to the log,
 * and the error goes to the `error` hooks of the app. It runs where h3 creates responses, so it also sees errors of all wrappers.
 */
export function answerErrors({ options }: Pick<App, 'options'>, given: AnswerErrorsOptions): void {
  const { captureError, errorHandler, log, logsErrorsOfApp = () => false, now = Date.now } = given
  const { onError } = options
  const logged = new Map<string, number>()

  function report(error: HttpError, event: H3Event): void {
    const time = now()
    // The message of a client error may contain text of the client, which could otherwise fill the log.
    const key = error.statusCode < 500 ? error.code : error.message
    const last = logged.get(key)
    if (last !== undefined && time - last < QUIET) return
    if (logged.size >= MOST_SENTENCES) logged.clear()
    logged.set(key, time)
    const line = `${event.method} ${pathOf(event.path)} was answered with ${error.statusCode} ${error.code}:`
    // The stack of an outage or of a wrong request is not useful.
    if (error.statusCode === 500) log(line, error)
    else log(`${line} ${error.message}${error.cause instanceof Error ? ` (${withoutAddresses(error.cause.message)})` : ''}`)
  }

  function answerErrorOfApp(error: H3Error, event: H3Event): unknown {
    if (!(error.unhandled || error.fatal) || !logsErrorsOfApp()) return onError?.(error, event)
    captureError(error, { event, tags: ['request'] })
    log(`${event.method} ${pathOf(event.path)} was answered with ${error.statusCode}:`, error.cause instanceof Error ? error.cause : error)
    return errorHandler(withoutDetails(error), event)
  }

  options.onError = (error, event) => {
    if (!isHttpError(error)) return answerErrorOfApp(error, event)
    const { res } = event.node
    if (error.retryAfter !== undefined && !res.headersSent) res.setHeader('retry-after', error.retryAfter)
    // In development, Nitro shows and logs the full message, which the developer needs.
    if (!error.unhandled || import.meta.dev) return onError?.(error, event)
    captureError(error, { event, tags: ['request'] })
    report(error, event)
    return errorHandler(publicErrorOf(error) as unknown as H3Error, event)
  }
}

/**
 * Returns an error with the response that Nitro gives to an unhandled error. Nitro would print the original one.
 *
 * @see nitropack 2: `defaultHandler` in `runtime/internal/error/prod.mjs`
 */
function withoutDetails(error: H3Error): H3Error {
  const { statusCode, statusMessage } = error
  return Object.create(error, Object.getOwnPropertyDescriptors({
    statusCode,
    statusMessage,
    message: 'Server Error',
    data: undefined,
    cause: undefined,
    unhandled: false,
    fatal: false,
  })) as H3Error
}

/** Removes URLs from a message of a library or the app, because they may contain a password. */
function withoutAddresses(sentence: string): string {
  return sentence.replaceAll(/[a-z][\w+.-]*:\/\/\S+/gi, '…')
}

/** Returns the error for the client. It has no cause, because an error handler of the app could show the cause. */
function publicErrorOf({ statusCode, code, publicMessage, retryAfter }: HttpError): PublicError {
  return new PublicError(statusCode, code, publicMessage, { retryAfter })
}
