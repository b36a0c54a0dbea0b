import type { App, H3Error, H3Event } from 'h3'
import type { HttpError } from './errors'
import { isHttpError, PublicError } from './errors'
import { pathOf } from '../core/paths'

export interface AnswerErrorsOptions {
  /** Reports an error to the hooks of the app, as Nitro does before it answers. */
  captureError: (error: Error, context: { event: H3Event, tags: string[] }) => void
  /** Nitro's chain of error handlers, which make the response. */
  errorHandler: (error: H3Error, event: H3Event) => unknown
  /** Gets one line for each error with a private message. The error itself is added where its stack tells something. */
  log: (line: string, error?: Error) => void
  now?: () => number
}

/** Milliseconds in which the same sentence is logged once: a busy database fails each request. */
const QUIET = 1000
/** Different sentences that are remembered at most. */
const MOST_SENTENCES = 200

/**
 * Answers the module's errors with their public sentence, their code and `Retry-After`. The whole sentence goes to the log and, with
 * the error itself, to the app's `error` hooks. This is where responses are made, so it does not matter what wraps the app's handler.
 */
export function answerErrors({ options }: Pick<App, 'options'>, given: AnswerErrorsOptions): void {
  const { captureError, errorHandler, log, now = Date.now } = given
  const { onError } = options
  const logged = new Map<string, number>()

  function report(error: HttpError, event: H3Event): void {
    const time = now()
    // A client may put anything into a sentence about its request, and would fill the log with it.
    const key = error.statusCode < 500 ? error.code : error.message
    const last = logged.get(key)
    if (last !== undefined && time - last < QUIET) return
    if (logged.size >= MOST_SENTENCES) logged.clear()
    logged.set(key, time)
    const line = `${event.method} ${pathOf(event.path)} was answered with ${error.statusCode} ${error.code}:`
    // An outage or a wrong request is not a fault of the code, so its stack says nothing.
    if (error.statusCode === 500) log(line, error)
    else log(`${line} ${error.message}${error.cause instanceof Error ? ` (${withoutAddresses(error.cause.message)})` : ''}`)
  }

  options.onError = (error, event) => {
    if (!isHttpError(error)) return onError?.(error, event)
    const { res } = event.node
    if (error.retryAfter !== undefined && !res.headersSent) res.setHeader('retry-after', error.retryAfter)
    // In development the whole sentence is what the developer needs, and Nitro shows and logs it.
    if (!error.unhandled || import.meta.dev) return onError?.(error, event)
    captureError(error, { event, tags: ['request'] })
    report(error, event)
    return errorHandler(publicErrorOf(error) as unknown as H3Error, event)
  }
}

/** What another library or the app says may hold an address with its password. */
function withoutAddresses(sentence: string): string {
  return sentence.replaceAll(/[a-z][\w+.-]*:\/\/\S+/gi, '…')
}

/** The error as its client may see it. Without its cause, of which an error handler of the app could show something. */
function publicErrorOf({ statusCode, code, publicMessage, retryAfter }: HttpError): PublicError {
  return new PublicError(statusCode, code, publicMessage, { retryAfter })
}
