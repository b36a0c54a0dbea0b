import routes from '#scale/routes.mjs'
import type { H3Event } from 'h3'
import { createRouter, defineEventHandler, getPublicAsset, isPublicAssetURL, useRuntimeConfig } from '../nitro'

/**
 * Finds out whether a page answers a path: the renderer of Nuxt, whose router ignores case, and neither a route of the server nor a public file,
 * which do not. It asks a router that has the routes of the app and none of their handlers.
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
