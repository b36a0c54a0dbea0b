import routes from '#scale/routes.mjs'
import type { H3Event } from 'h3'
import { createRouter, defineEventHandler, getPublicAsset, isPublicAssetURL, useRuntimeConfig } from '../nitro'

/**
 * Creates a function that returns the pattern of the route that answers a path. It uses a router of Nitro with these patterns, but without
 * handlers.
 *
 * @param patterns patterns of routes, without the base
 * @param base `app.baseURL` without a trailing slash
 */
export function createRouteMatcher(patterns: readonly string[], base: string): (path: string) => string | undefined {
  const router = createRouter()
  for (const pattern of patterns) router.use(pattern, defineEventHandler(() => null))
  return (path) => {
    const event = { path: pathBelowBase(path, base), method: 'GET', context: {} } as H3Event
    void router.handler(event)
    return event.context.matchedRoute?.path
  }
}

/** Removes the base from a path, as Nitro does before it looks for a route. */
export function pathBelowBase(path: string, base: string): string {
  return path.startsWith(`${base}/`) ? path.slice(base.length) : path
}

/**
 * Creates a function that returns whether a page answers a path. The router of pages ignores case, but server routes and public files
 * do not.
 */
export function createPageFinder(): (path: string) => boolean {
  const { own, pages } = routes
  const match = createRouteMatcher([...own, ...pages], useRuntimeConfig().app.baseURL.replace(/\/$/, ''))
  return (path) => {
    if (getPublicAsset(path) !== undefined || isPublicAssetURL(path)) return false
    const route = match(path)
    return route !== undefined && pages.includes(route)
  }
}
