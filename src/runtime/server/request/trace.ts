import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * The incoming W3C trace context of the current call.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
export interface Trace {
  traceparent: string
  tracestate?: string
}

const storage = new AsyncLocalStorage<Trace>()

/** Returns the trace of the current call; undefined if it has none. */
export function currentTrace(): Trace | undefined {
  return storage.getStore()
}

/** Runs a task in a trace: `currentTrace()` returns it within the task and everything that the task awaits. */
export function runInTrace<T>(trace: Trace, task: () => T): T {
  return storage.run(trace, task)
}

/** Returns the trace id: 32 hexadecimal digits. */
export function traceIdOf({ traceparent }: Trace): string {
  return traceparent.slice(3, 35)
}

/** Returns whether the caller records this trace: the flag `sampled` of its `traceparent`. */
export function isTraceSampled({ traceparent }: Trace): boolean {
  return Number.parseInt(traceparent.slice(53, 55), 16) % 2 === 1
}

/** Format of a `traceparent` header. Other values are ignored. */
const TRACEPARENT = /^[\da-f]{2}-(?!0{32})[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(?:-.*)?$/
const MOST_STATE = 512

/** Reads a trace from the two headers. Returns undefined when `traceparent` is missing or malformed. */
export function readTrace(traceparent: unknown, tracestate: unknown): Trace | undefined {
  if (typeof traceparent !== 'string' || traceparent.length > 200 || !TRACEPARENT.test(traceparent)) return undefined
  const hasState = typeof tracestate === 'string' && tracestate !== '' && tracestate.length <= MOST_STATE
  return hasState ? { traceparent, tracestate } : { traceparent }
}
