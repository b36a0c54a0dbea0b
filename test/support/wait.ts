import { setTimeout as sleep } from 'node:timers/promises'

/** How {@link waitFor} polls. */
export interface WaitOptions {
  /** Longest wait in milliseconds. Default 5000. */
  timeout?: number
  /** Pause between two tries in milliseconds. Default 20. */
  interval?: number
  /** What is waited for, to complete "Waited … ms for". Default `the condition`. */
  message?: string | (() => string)
}

const timedOut = Symbol('timed out')

/**
 * Polls `fn` until it returns something truthy, and returns that. An error that `fn` throws counts as
 * "not yet"; the last one is the `cause` of the final error. One try that hangs ends with the timeout too.
 * @throws Error when `timeout` passes first
 */
export async function waitFor<Value>(
  fn: () => Value | Promise<Value>,
  { timeout = 5000, interval = 20, message = 'the condition' }: WaitOptions = {},
): Promise<Exclude<Value, false | 0 | '' | null | undefined>> {
  const deadline = performance.now() + timeout
  let lastError: unknown
  for (;;) {
    const remaining = Math.max(1, deadline - performance.now())
    const timer = new AbortController()
    try {
      const value = await Promise.race([
        Promise.resolve(fn()),
        sleep(remaining, timedOut, { signal: timer.signal }),
      ])
      if (value !== timedOut && value) {
        return value as Exclude<Value, false | 0 | '' | null | undefined>
      }
    }
    catch (error) {
      lastError = error
    }
    finally {
      timer.abort()
    }
    if (performance.now() >= deadline) {
      const subject = typeof message === 'function' ? message() : message
      const reason = lastError instanceof Error ? ` (last error: ${lastError.message})` : ''
      throw new Error(`Waited ${timeout} ms for ${subject}${reason}.`, { cause: lastError })
    }
    await sleep(interval)
  }
}

/** The unhandled rejections seen since {@link trackUnhandledRejections} was called. */
export interface UnhandledRejections {
  /** Rejection reasons in order of appearance, at most 1,000. */
  list: unknown[]
  /** Ends the watch. */
  stop: () => void
}

const maximumRejections = 1000

/**
 * Collects the reasons of promises rejected without a handler. Node reports them after the microtasks of
 * the current turn, so let one macrotask pass (`setImmediate`) before reading `list`.
 */
export function trackUnhandledRejections(): UnhandledRejections {
  const list: unknown[] = []
  const onRejection = (reason: unknown) => {
    if (list.length < maximumRejections) {
      list.push(reason)
    }
  }
  process.on('unhandledRejection', onRejection)
  return {
    list,
    stop: () => {
      process.off('unhandledRejection', onRejection)
    },
  }
}
