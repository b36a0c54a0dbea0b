import type { NuxtApp } from '#app/nuxt'
import { path, release } from '#build/scale/monitoring.mjs'
import type { Report, ReportedEvent } from './report'
import { MOST_EVENTS } from './report'

/** Events of this page that wait until they are sent. */
export interface Outbox {
  /** Adds an event, unless the app drops it in the hook `scale:beforeSend`. Returns whether it was added. */
  add: (event: ReportedEvent) => boolean
  /** Calls back when all events have been sent. */
  onFlush: (listener: () => void) => void
}

type BeforeSend = (event: ReportedEvent, drop: () => void) => void

/** Number of events that are sent at once. */
const FULL = 30
/** Milliseconds after which events are sent although the page stays open. */
const LATEST = 30_000
/** Most characters of one message, so that it has less than 64 kB in UTF-8, the limit of `sendBeacon`. */
const MOST_CHARACTERS = 20_000

let outbox: Outbox | undefined

/** Returns the outbox of this page. It sends its events to the server when the page is hidden, when it is full, or after 30 seconds. */
export function useOutbox(nuxtApp: NuxtApp): Outbox {
  return outbox ??= createOutbox(nuxtApp)
}

function createOutbox(nuxtApp: NuxtApp): Outbox {
  const { baseURL, buildId = '' } = nuxtApp.$config.app as { baseURL: string, buildId?: string }
  const url = baseURL.replace(/\/$/, '') + path
  const events: ReportedEvent[] = []
  const listeners: (() => void)[] = []
  let timer: ReturnType<typeof setTimeout> | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    while (events.length > 0) {
      let characters = 0
      const fits = events.slice(0, MOST_EVENTS).findIndex(event => (characters += JSON.stringify(event).length) > MOST_CHARACTERS)
      const report: Report = { build: buildId, release, events: events.splice(0, fits > 0 ? fits : MOST_EVENTS) }
      navigator.sendBeacon?.(url, JSON.stringify(report))
    }
    for (const listener of listeners) listener()
  }

  // The window receives this event after the document, where the library for web vitals adds its last values.
  addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && flush())
  addEventListener('pagehide', flush)

  return {
    add(event) {
      if (isDropped(nuxtApp, event)) return false
      if (events.push(event) >= FULL) flush()
      else timer ??= setTimeout(flush, LATEST)
      return true
    },
    onFlush: listener => listeners.push(listener),
  }
}

/** Whether the app drops an event. The hooks must be synchronous, because a page that is closed waits for nothing. */
function isDropped({ hooks }: NuxtApp, event: ReportedEvent): boolean {
  let dropped = false
  const drop = () => {
    dropped = true
  }
  try {
    const run = (listeners: BeforeSend[]) => listeners.forEach(listener => listener(event, drop))
    const { callHookWith } = hooks as unknown as { callHookWith: (run: (listeners: BeforeSend[]) => void, name: string, args: []) => void }
    callHookWith.call(hooks, run, 'scale:beforeSend', [])
  }
  catch (error) {
    // The hook may have failed before it removed what it must remove.
    console.error(error)
    return true
  }
  return dropped
}
