import type { NavigationPhases, ReportedResource, VitalName } from '../../app/report'
import type { Groups } from './groups'
import { createGroups } from './groups'
import type { Histogram } from './histogram'
import { addValue, createHistogram } from './histogram'
import type { ClientError, ClientVital } from './types'

/** Errors with one fingerprint. */
export interface ClientErrorGroup extends Omit<ClientError, 'route' | 'browser'> {
  /** Number of occurrences. */
  count: number
  /** Milliseconds since 1970. */
  firstSeen: number
  /** Milliseconds since 1970. */
  lastSeen: number
  /** Occurrences by pattern of the page, for at most ten patterns and `_other`. */
  routes: Record<string, number>
  /** Occurrences by family of the browser. */
  browsers: Record<string, number>
}

/** Measurements of the pages with one pattern. */
export interface PageTimings {
  route: string
  /** Seconds, except for CLS, which has no unit. */
  vitals: Partial<Record<VitalName, Histogram>>
  /** Phases of page loads, in seconds. */
  navigation: Partial<Record<keyof NavigationPhases, Histogram>>
}

/** A resource that is slow to load. */
export interface SlowResource {
  /** Path without host and query; empty for resources of other origins. */
  path: string
  initiator: string
  count: number
  /** Longest time in seconds. */
  longest: number
  /** Pattern of the page that loaded it last. */
  route: string
}

/** The reports of browsers to this process. Its size is bounded. */
export interface MonitoringRing {
  addError: (error: ClientError) => void
  addVital: (vital: ClientVital) => void
  addNavigation: (route: string, phases: NavigationPhases) => void
  addResource: (resource: Omit<ReportedResource, 'type'>) => void
  /** Groups of errors, the most recent first. */
  errors: () => ClientErrorGroup[]
  findError: (fingerprint: string) => ClientErrorGroup | undefined
  pages: () => PageTimings[]
  resources: () => SlowResource[]
  /** Number of all errors since the start, including those of groups that were dropped. */
  readonly totalErrors: number
}

/** Bounds of a ring. */
interface RingBounds {
  errors: number
  routes: number
  resources: number
}

const BOUNDS: RingBounds = { errors: 200, routes: 100, resources: 100 }
/** Most patterns of one group. */
const MOST_ROUTES_OF_GROUP = 10
/** Most patterns that the build does not know. Only custom routers and forged reports have them. */
const MOST_UNKNOWN_ROUTES = 20
const OTHER = '_other'

/** Bounds of the histograms. The limits of good and poor values are among them. Seconds, except for CLS. */
const VITAL_BOUNDS: Record<VitalName, readonly number[]> = {
  LCP: [0.5, 1, 1.5, 2, 2.5, 3, 4, 6, 10],
  FCP: [0.5, 1, 1.8, 2.4, 3, 5],
  TTFB: [0.1, 0.2, 0.4, 0.8, 1.2, 1.8, 3],
  INP: [0.05, 0.1, 0.2, 0.35, 0.5, 1, 2],
  CLS: [0.01, 0.05, 0.1, 0.15, 0.25, 0.5, 1],
}
const PHASE_BOUNDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * Creates an empty ring.
 *
 * @param knownRoutes patterns of the pages of the app. They always have a place of their own
 * @param wall milliseconds since 1970
 */
export function createRing(knownRoutes: readonly string[] = [], wall: () => number = Date.now, bounds = BOUNDS): MonitoringRing {
  const errors: Groups<ClientErrorGroup> = createGroups(bounds.errors)
  const resources: Groups<SlowResource> = createGroups(bounds.resources)
  const pages = new Map<string, PageTimings>()
  const known = new Set(knownRoutes.slice(0, bounds.routes))
  const unknown = new Set<string>()
  let totalErrors = 0

  /** Returns the pattern, or `_other` for one more unknown pattern than allowed. */
  function admit(route: string): string {
    if (route === OTHER || known.has(route) || unknown.has(route)) return route
    if (unknown.size >= MOST_UNKNOWN_ROUTES || known.size + unknown.size >= bounds.routes) return OTHER
    unknown.add(route)
    return route
  }

  function pageOf(given: string): PageTimings {
    const route = admit(given)
    let page = pages.get(route)
    if (!page) pages.set(route, page = { route, vitals: {}, navigation: {} })
    return page
  }

  return {
    addError(error) {
      totalErrors += error.count
      const now = wall()
      const { route, browser, count, ...rest } = error
      const group = errors.use(error.fingerprint, () => ({ ...rest, count: 0, firstSeen: now, lastSeen: now, routes: {}, browsers: {} }))
      Object.assign(group, { count: group.count + count, lastSeen: now, build: error.build, release: error.release })
      addTo(group.routes, admit(route), count)
      addTo(group.browsers, browser, count)
    },
    addVital({ name, value, route }) {
      addValue(pageOf(route).vitals[name] ??= createHistogram(VITAL_BOUNDS[name]), value)
    },
    addNavigation(route, phases) {
      const { navigation } = pageOf(route)
      for (const [phase, milliseconds] of Object.entries(phases) as [keyof NavigationPhases, number][]) {
        addValue(navigation[phase] ??= createHistogram(PHASE_BOUNDS), milliseconds / 1000)
      }
    },
    addResource({ path, initiator, duration, route }) {
      const resource = resources.use(`${initiator} ${path}`, () => ({ path, initiator, count: 0, longest: 0, route: '' }))
      resource.count++
      resource.longest = Math.max(resource.longest, duration / 1000)
      resource.route = admit(route)
    },
    errors: errors.values,
    findError: errors.find,
    pages: () => [...pages.values()],
    resources: resources.values,
    get totalErrors() {
      return totalErrors
    },
  }
}

function addTo(counts: Record<string, number>, key: string, count: number): void {
  const isNew = !Object.hasOwn(counts, key)
  const name = isNew && Object.keys(counts).length >= MOST_ROUTES_OF_GROUP ? OTHER : key
  counts[name] = (Object.hasOwn(counts, name) ? counts[name]! : 0) + count
}
