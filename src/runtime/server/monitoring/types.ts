import type { ClientErrorKind, ReportedError, VitalName } from '../../app/report'

/** A place in the sources of the app that a frame of a minified file was resolved to. */
export interface ResolvedFrame {
  /** Name of the function; empty if it is unknown. */
  name: string
  /** Source file, such as `app/components/Cart.vue`; the built file if the frame could not be resolved. */
  file: string
  /** Line, from 1. */
  line: number
  /** Column, from 1. */
  column: number
  /** Name of the Vue component, if the source file is one. */
  component: string | undefined
  /** Whether a source map knows this place. */
  resolved: boolean
}

/** Facts about the browser and the build that sent a report. */
export interface ReportOrigin {
  /** Build id of the app in the browser. During a deployment it can differ from the build of the server. */
  build: string
  release: string
  /** Family of the browser: `chrome`, `edge`, `firefox`, `safari`, `opera` or `other`. */
  browser: string
}

/** An error of a browser. It contains no host, query, cookie or e-mail address. */
export interface ClientError extends ReportOrigin, Omit<ReportedError, 'type' | 'kind'> {
  /** `report` is a report of the browser itself, such as a deprecation, a crash or a CSP violation. */
  kind: ClientErrorKind | 'report'
  /** Group of the error. */
  fingerprint: string
}

/** An error that `onClientError` receives. */
export interface ReceivedClientError extends ClientError {
  /** Returns the stack in the sources of the app, from the source maps beside the server. */
  resolveStack: () => Promise<ResolvedFrame[]>
}

/** A web vital of a page view. */
export interface ClientVital extends ReportOrigin {
  name: VitalName
  /** Seconds, except for CLS, which has no unit. */
  value: number
  route: string
  /** Kind of the navigation, such as `navigate`, `back-forward-cache` or `soft-navigation`. */
  navigation: string
}

/** Functions of `server/scale.config.ts` that receive what browsers report. */
export interface MonitoringFunctions {
  /**
   * Receives each error of a browser, to forward it. If it throws or rejects, the module logs that once a second.
   * At most 100 calls run at once; further errors are only counted.
   */
  onClientError?: (error: ReceivedClientError) => unknown
  /** Receives each web vital, to forward it. The same limits apply. */
  onVital?: (vital: ClientVital) => unknown
}
