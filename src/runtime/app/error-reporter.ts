import type { NuxtApp } from '#app/nuxt'
import { useOutbox } from './outbox'
import { parseStack } from './parse-stack'
import { redactMessage } from './redact'
import type { ClientErrorKind, ReportedError } from './report'

/** An error as it was caught. */
export interface CaughtError {
  kind: ClientErrorKind
  error: unknown
  /** Pattern of the page. */
  route: string
  /** The Vue component instance. */
  component?: object | null
}

/** Most different errors that a page reports per minute. */
const MOST_PER_MINUTE = 20
/** Messages of browsers about files of the app that could not be loaded. */
const FAILED_CHUNK = /dynamically imported module|importing a module script|unable to preload CSS/i

/** Creates the function that reports errors. It counts repeated errors, and skips errors of browser extensions. */
export function createErrorReporter(nuxtApp: NuxtApp): (caught: CaughtError) => void {
  const outbox = useOutbox(nuxtApp)
  const seen = new WeakSet<object>()
  const pending = new Map<string, ReportedError>()
  let minute = 0
  let reported = 0

  outbox.onFlush(() => pending.clear())

  return ({ kind, error, route, component }) => {
    // One error arrives several times: Vue and the window report a failed chunk, too.
    if (typeof error === 'object' && error !== null) {
      if (seen.has(error)) return
      seen.add(error)
    }
    const { name, message, stack, status, statusCode = status } = describe(error)
    const isExpected = statusCode !== undefined && statusCode < 500 && kind === 'vue'
    if (isExpected || /^Script error|^ResizeObserver loop/.test(message) || /-extension:\/\//.test(stack)) return

    const event: ReportedError = {
      type: 'error',
      kind: FAILED_CHUNK.test(message) ? 'chunk' : kind,
      name: plainName(name),
      message: redactMessage(message),
      frames: parseStack(stack),
      route,
      component: plainName(componentName(component)),
      count: 1,
    }
    const fingerprint = [event.kind, event.name, event.frames.join() || event.message].join()
    const known = pending.get(fingerprint)
    if (known) {
      known.count = Math.min(known.count + 1, 10_000)
      return
    }
    const now = Math.floor(performance.now() / 60_000)
    if (now !== minute) [minute, reported] = [now, 0]
    if (++reported > MOST_PER_MINUTE) return
    if (outbox.add(event)) pending.set(fingerprint, event)
  }
}

interface Described {
  name: string
  message: string
  stack: string
  status?: number
  statusCode?: number
}

function describe(error: unknown): Described {
  const { name = 'Error', message = String(error), stack = '', status, statusCode } = (error ?? {}) as Partial<Described>
  return { name: String(name), message: String(message), stack: String(stack), status, statusCode }
}

function componentName(component: object | null | undefined): string {
  const { __name, name } = (component as { $?: { type?: { __name?: string, name?: string } } } | undefined)?.$?.type ?? {}
  return __name ?? name ?? ''
}

/** Keeps the characters that the server accepts in a name. */
function plainName(name: string): string {
  return name.replace(/[^\w$.<>:[\] -]/g, '').slice(0, 100)
}
