import type { H3Event } from 'h3'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CacheEngine, CacheOptions } from '../types'

/** The settings of `scale.cache` that cached routes and functions use. */
export interface NitroCacheSettings {
  /** Say in `Cache-Status` where a response came from. */
  debugHeaders: boolean
  /** Seconds: the end of staleness where an option names none. */
  staleMaxAge: number
  /** Bytes: largest body that is stored. */
  maxBodySize: number
}

/** Everything that cached routes and functions need from around them, so that they run without Nitro too. */
export interface NitroCacheHost {
  engine: () => CacheEngine
  settings: () => NitroCacheSettings
  /** Id of this build of the app, which ends the keys of its pages. */
  buildId: () => string
  /** Nitro's error hook. */
  captureError: (error: Error, event: H3Event | undefined) => void
  /** An event of its own for the handler, with `fetch` and `$fetch` as Nitro gives them to a request. */
  createEvent: (request: IncomingMessage, response: ServerResponse) => H3Event
  splitCookies: (header: string | string[]) => string[]
}

/** A reload in the background holds the event open, and its failure, which no caller sees, goes to Nitro's error hook. */
export function refreshHooks(host: NitroCacheHost, event: H3Event | undefined): Pick<CacheOptions, 'waitUntil' | 'onRefreshError'> {
  return {
    waitUntil: refresh => event?.waitUntil?.(refresh),
    onRefreshError: error => host.captureError(error instanceof Error ? error : new Error(String(error)), event),
  }
}
