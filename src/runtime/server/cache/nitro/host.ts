import type { H3Event } from 'h3'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CacheEngine, CacheOptions } from '../types'

/** The settings of `scale.cache` that cached routes and functions use. */
interface NitroCacheSettings {
  /** Whether to send `Cache-Status` with the source of a response. */
  debugHeaders: boolean
  /** How long a value may be served stale if its options set no `staleMaxAge`, in seconds. */
  staleMaxAge: number
  /** Largest body that is stored, in bytes. */
  maxBodySize: number
}

/** The environment of cached routes and functions. It is injected, so that they also run without Nitro, in tests. */
export interface NitroCacheHost {
  engine: () => CacheEngine
  settings: () => NitroCacheSettings
  /** Returns the id of the app's build, which is part of the keys of its pages. */
  buildId: () => string
  /** Reports an error to Nitro's error hook. */
  captureError: (error: Error, event: H3Event | undefined) => void
  /** Creates a separate event for the handler, with `fetch` and `$fetch` as on Nitro's events. */
  createEvent: (request: IncomingMessage, response: ServerResponse) => H3Event
  splitCookies: (header: string | string[]) => string[]
}

/** Passes a background refresh to `event.waitUntil`, and its error, which no caller receives, to Nitro's error hook. */
export function refreshHooks(host: NitroCacheHost, event: H3Event | undefined): Pick<CacheOptions, 'waitUntil' | 'onRefreshError'> {
  return {
    waitUntil: refresh => event?.waitUntil?.(refresh),
    onRefreshError: error => host.captureError(error instanceof Error ? error : new Error(String(error)), event),
  }
}
