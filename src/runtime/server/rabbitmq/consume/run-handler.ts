/** How a handler ended, for whoever counts those that still run. */
export interface HandlerRun {
  /** Settles as the handler does, or rejects at its deadline. */
  outcome: Promise<void>
  /** Settles when the handler is really done, which one that ignores its signal is later, or never. */
  finished: Promise<void>
}

/** A handler took longer than it may. */
export class HandlerTimeoutError extends Error {
  override readonly name = 'HandlerTimeoutError'

  constructor(milliseconds: number) {
    super(`The handler took longer than ${milliseconds} ms.`)
  }
}

/**
 * Runs a handler under a deadline.
 *
 * @param stop aborted when the server waits no longer
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
  // Behind a turn, so that a handler that throws at once has failed like any other.
  const work = Promise.resolve().then(() => handler(signal)).then(() => {})
  const finished = work.catch(() => {})
  const outcome = Promise.race([work, aborted]).finally(() => {
    clearTimeout(timer)
    stop.removeEventListener('abort', onStop)
  })
  return { outcome, finished }
}
