import type { App } from 'h3'
import { createApp, createRouter, defineEventHandler } from 'h3'
import { decodePath, encodePath, parseURL, withLeadingSlash, withoutTrailingSlash } from 'ufo'
import { vi } from 'vitest'
import { createMemoryHistory, createRouter as createPageRouter } from 'vue-router'
import { compilePathPatterns, compilePathRules } from '../../src/runtime/server/core/paths'
import { httpSettings, stricterHttpRule } from '../../src/runtime/server/http/settings'
import { rateLimitSettings, stricterRateLimit } from '../../src/runtime/server/rate-limit/settings'

const apiRoutes = {
  '/api/limited': '/api/limited',
  '/api/Case': '/api/Case',
  '/api/users/:id': '/api/users/7',
  '/api/:team/members': '/api/red/members',
  '/api/open/**': '/api/open/a',
}
const pageRoutes = { '/login': '/login', '/admin/:id()': '/admin/7', '/Shop': '/Shop', '/account': '/account', '/:slug(.*)*': '/somewhere' }
const files = ['/robots.txt', '/private/plan.pdf', '/_nuxt/a1b2.js']

/** By the name of a handler, the path that the rules are written for. */
export const homes: Record<string, string> = { ...apiRoutes, ...pageRoutes, ...Object.fromEntries(files.map(file => [file, file])) }

// vue-router warns of every path that begins with two slashes.
vi.spyOn(console, 'warn').mockImplementation(() => {})
const pages = createPageRouter({ history: createMemoryHistory(), routes: Object.keys(pageRoutes).map(path => ({ path, component: {} })) })

/** An app with the routers of Nitro and Nuxt: public files, the routes of the API, and the renderer of pages for everything else. It answers with the handler's name. */
export function createRoutedApp(reach: (handler: string) => void = () => {}): App {
  const answer = (handler: string) => {
    reach(handler)
    return handler
  }
  const router = createRouter({ preemptive: true })
  for (const route of Object.keys(apiRoutes)) router.use(route, defineEventHandler(() => answer(route)))
  // As @nuxt/nitro-server makes the URL of a page, and takes the payload of a page for the page.
  router.use('/**', defineEventHandler((event) => {
    const [path] = event.path.split('?', 1)
    const page = encodePath(path!).replace(/\/_payload\.json$/, '') || '/'
    return answer(pages.resolve(page).matched[0]?.path ?? 'none')
  }))
  const app = createApp()
  // As Nitro looks for a public file.
  app.use(defineEventHandler((event) => {
    const file = decodePath(withLeadingSlash(withoutTrailingSlash(parseURL(event.path).pathname)))
    return files.includes(file) ? answer(file) : undefined
  }))
  app.use('/', router.handler)
  return app
}

const finder = createRouter()
for (const route of [...Object.keys(apiRoutes), '/**']) finder.use(route, defineEventHandler(() => null))

/** As the page finder of the module, which asks the same router. */
function isPage(path: string): boolean {
  if (files.includes(path)) return false
  const event = { path, method: 'GET', context: {} as Record<string, { path: string }> }
  void finder.handler(event as never)
  return event.context.matchedRoute?.path === '/**'
}

/** The rules of the app, by the functions that the module finds them with. */
export const rules = {
  limitOf: compilePathRules(rateLimitSettings.resolveGiven({ rules: {
    '/api/limited': { limit: 5 }, '/api/Case': { limit: 6 }, '/api/users/*': { limit: 7 }, '/api/*/members': { limit: 8 },
    '/login': { limit: 1 }, '/admin/**': { limit: 2 }, '/account': { limit: 3 }, '/private/**': { limit: 4 }, '/Shop': { limit: 9 },
  } }).rules, 'limits', { stricter: stricterRateLimit, isPage }),
  classOf: compilePathRules(httpSettings.resolveGiven({ rules: {
    '/admin/**': 'no-store', '/account': 'private', '/api/limited': 'no-store', '/api/users/*': 'private', '/api/open/**': 'static',
    '/private/**': 'no-store', '/api/*/members': 'no-store', '/api/Case': { class: 'static', maxAge: 5 }, '/Shop': { class: 'page', maxAge: 7 },
  } }).rules, 'classes', { stricter: stricterHttpRule, isPage }),
  isOpen: compilePathPatterns(['/api/open/**', '/robots.txt', '/_nuxt/**'], 'open', { match: 'every', isPage }),
}
