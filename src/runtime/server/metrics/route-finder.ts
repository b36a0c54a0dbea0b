import type { H3Event } from 'h3'
import { createRouteMatcher, pathBelowBase } from '../request/page-finder'
import { createPagePatternFinder } from './page-pattern'

/** Dependencies of {@link createRouteFinder}. */
export interface RouteFinderOptions {
  /** Patterns of the server routes of the app, for all methods. */
  own: readonly string[]
  /** Routes of Nitro that the page renderer answers. */
  renderer: readonly string[]
  /** Patterns of the pages. */
  pages: readonly string[]
  /** `app.baseURL` without a trailing slash. */
  base: string
  isPublic: (path: string) => boolean
}

/** Most paths whose pattern is remembered. */
const MOST_KNOWN = 1000

/** Label values of requests without a pattern. */
const STATIC = '_static'
const UNMATCHED = '_unmatched'

/**
 * Creates a function that returns the pattern of the route of a request, after the response. The number of patterns is limited, so that
 * they can be labels.
 */
export function createRouteFinder({ own, renderer, pages, base, isPublic }: RouteFinderOptions): (event: H3Event, path: string) => string {
  const pageRoutes = new Set(renderer)
  const findPage = createPagePatternFinder(pages)
  const match = createRouteMatcher(own, base)
  const known = new Map<string, string>()

  /** A request that was answered before Nitro's router, such as a public file or a refused request, has no matched route. */
  function find(path: string): string {
    if (isPublic(path)) return STATIC
    const route = match(path)
    return route !== undefined && !pageRoutes.has(route) ? route : pageOf(path)
  }

  function pageOf(path: string): string {
    if (pageRoutes.size === 0) return UNMATCHED
    // An app without pages renders app.vue for every path.
    return pages.length === 0 ? '/**' : findPage(pathBelowBase(path, base)) ?? UNMATCHED
  }

  return (event, target) => {
    const matched = event.context.matchedRoute?.path
    if (matched !== undefined && !pageRoutes.has(matched)) return matched
    const query = target.indexOf('?')
    const path = query < 0 ? target : target.slice(0, query)
    let route = known.get(path)
    if (route === undefined) {
      route = find(path)
      if (known.size >= MOST_KNOWN) known.clear()
      known.set(path, route)
    }
    return route
  }
}
