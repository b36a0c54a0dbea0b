import { addServerPlugin } from '@nuxt/kit'
import { defu } from 'defu'
import { addModuleRoutes } from './module-routes'
import { provideScaleConfig } from './scale-config'
import type { FeatureContext } from './types'

const PROBES = { '': 'aggregate', '/live': 'live', '/ready': 'ready', '/startup': 'startup' }

/** Sets up `GET /api/health` and its probes, and HEAD for each of them. */
export function setupHealth(context: FeatureContext): void {
  const { nuxt, options, runtime } = context
  if (!options.health) return
  const { path } = options.health
  provideScaleConfig(context)
  addServerPlugin(runtime('health/plugin'))
  addModuleRoutes(context, {
    option: 'scale.health.path',
    path,
    handlers: Object.entries(PROBES).flatMap(([end, name]) =>
      (['get', 'head'] as const).map(method => ({ route: `${path}${end}`, method, handler: runtime(`health/routes/${name}`) }))),
  })
  // A caching rule of the app for /api/** must not cache these responses, which may be outdated after a second.
  nuxt.options.routeRules = defu({ [`${path}/**`]: { cache: false as const } }, nuxt.options.routeRules)
}
