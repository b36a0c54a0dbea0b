import routes from '#scale/routes.mjs'
import type { H3Event } from 'h3'
import { createRouter, defineEventHandler, getPublicAsset, isPublicAssetURL, useRuntimeConfig } from '../nitro'

/**
 * Creates a function that returns whether a page answers a path. The router of pages ignores case, but server routes and public files
 * do not. It uses a router that has the routes of the app but not their handlers.
 */
export function createPageFinder(): (path: string) => boolean {
  const { own, pages } = routes
  const base = useRuntimeConfig().app.baseURL.replace(/\/$/, '')
  const router = createRouter()
  for (const route of [...own, ...pages]) router.use(route, defineEventHandler(() => null))
  return (path) => {
    if (getPublicAsset(path) !== undefined || isPublicAssetURL(path)) return false
    const event = { path: path.startsWith(`${base}/`) ? path.slice(base.length) : path, method: 'GET', context: {} } as H3Event
    void router.handler(event)
    const route = event.context.matchedRoute?.path
    return route !== undefined && pages.includes(route)
  }
}
