import { addServerPlugin } from '@nuxt/kit'
import { defu } from 'defu'
import { addModuleRoutes } from './module-routes'
import { provideScaleConfig } from './scale-config'
import type { FeatureContext } from './types'

const PROBES = { '': 'aggregate', '/live': 'live', '/ready': 'ready', '/startup': 'startup' }

/** `GET /api/health` and its probes, and HEAD for whoever wants no body. */
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
  // A rule of the app for /api/** would keep an answer for a minute that is true for a second.
  nuxt.options.routeRules = defu({ [`${path}/**`]: { cache: false as const } }, nuxt.options.routeRules)
}
