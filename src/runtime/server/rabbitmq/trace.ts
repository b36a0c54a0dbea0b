import { AsyncLocalStorage } from 'node:async_hooks'

/** The W3C trace that the current call belongs to, as it came in. */
export interface Trace {
  traceparent: string
  tracestate?: string
}

const storage = new AsyncLocalStorage<Trace>()

export function currentTrace(): Trace | undefined {
  return storage.getStore()
}

export function runInTrace<T>(trace: Trace, task: () => T): T {
  return storage.run(trace, task)
}

/** Its grammar, without which a header is not passed on. */
const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}(?:-.*)?$/
const MOST_STATE = 512

/** A trace of two headers; undefined when there is none, or none that is well formed. */
export function readTrace(traceparent: unknown, tracestate: unknown): Trace | undefined {
  if (typeof traceparent !== 'string' || traceparent.length > 200 || !TRACEPARENT.test(traceparent)) return undefined
  return typeof tracestate === 'string' && tracestate !== '' && tracestate.length <= MOST_STATE ? { traceparent, tracestate } : { traceparent }
}
