/** The two moments of a handler run: its outcome for the message, and its real end. */
export interface HandlerRun {
  /** Settles like the handler. Rejects earlier if the timeout passes or `stop` is aborted. */
  outcome: Promise<void>
  /** Resolves when the handler has really returned. A handler that ignores its signal may return later, or never. */
  finished: Promise<void>
}

/** Thrown when a handler exceeds its timeout. */
class HandlerTimeoutError extends Error {
  override readonly name = 'HandlerTimeoutError'

  constructor(milliseconds: number) {
    super(`The handler took longer than ${milliseconds} ms.`)
  }
}

/**
 * Runs a handler with a timeout.
 *
 * @param timeout milliseconds
 * @param stop is aborted when the server stops waiting for handlers
 */
export function runHandler(handler: (signal: AbortSignal) => unknown, timeout: number, stop: AbortSignal): HandlerRun {
  const controller = new AbortController()
  const { signal } = controller
  const onStop = () => controller.abort(stop.reason)
  stop.addEventListener('abort', onStop)
  if (stop.aborted) onStop()
  const timer = setTimeout(() => controller.abort(new HandlerTimeoutError(timeout)), timeout)

  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
  // `then` turns a synchronous throw of the handler into a rejection.
  const work = Promise.resolve().then(() => handler(signal)).then(() => {})
  const finished = work.catch(() => {})
  const outcome = Promise.race([work, aborted]).finally(() => {
    clearTimeout(timer)
    stop.removeEventListener('abort', onStop)
  })
  return { outcome, finished }
}
