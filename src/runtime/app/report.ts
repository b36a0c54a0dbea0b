import type { StackFrame } from './parse-stack'

/** Kinds of errors that a browser reports. `chunk` is a file of the app that could not be loaded, which is common after a deployment. */
export type ClientErrorKind = 'error' | 'rejection' | 'vue' | 'chunk'

/** Web vitals, as the library `web-vitals` names them. */
export type VitalName = 'LCP' | 'FCP' | 'TTFB' | 'INP' | 'CLS'

/** Phases of a navigation, each in milliseconds. */
export interface NavigationPhases {
  dns: number
  connect: number
  request: number
  response: number
  interactive: number
  load: number
}

/** An error, counted since the last message. */
export interface ReportedError {
  type: 'error'
  kind: ClientErrorKind
  /** Name of the error, such as `TypeError`. */
  name: string
  message: string
  /** The stack in the minified files. */
  frames: readonly StackFrame[]
  /** Pattern of the page, such as `/products/:id`. */
  route: string
  /** Name of the Vue component, as the browser knows it; empty if it is unknown. */
  component: string
  /** Number of occurrences since the last report of this browser. */
  count: number
}

/** A web vital. `value` is in milliseconds, except for CLS, which has no unit. */
export interface ReportedVital {
  type: 'vital'
  name: VitalName
  value: number
  route: string
  /** Kind of the navigation, such as `navigate` or `soft-navigation`. */
  navigation: string
}

/** The phases of loading a page. */
export interface ReportedNavigation extends NavigationPhases {
  type: 'navigation'
  route: string
}

/** A resource that took long to load. */
export interface ReportedResource {
  type: 'resource'
  route: string
  /** Kind of the resource, such as `fetch`, `img` or `script`. */
  initiator: string
  /** Path without host and query. Empty for a resource of another origin. */
  path: string
  /** Milliseconds. */
  duration: number
}

/** Everything that a browser reports. */
export type ReportedEvent = ReportedError | ReportedVital | ReportedNavigation | ReportedResource

/** The body of one message of a browser. */
export interface Report {
  /** Build id of the app. */
  build: string
  release: string
  events: ReportedEvent[]
}

/** Most events of one message. */
export const MOST_EVENTS = 50
