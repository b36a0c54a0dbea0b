import { defu } from 'defu'
import type { FeatureContext } from './feature'
import { probePathsOf } from '../runtime/server/core/health-checks'
import { addModuleRoutes } from './module-routes'
import { provideScaleConfig } from './virtual-modules'

/** Adds `GET /api/health` and its probes, and HEAD for each of them. */
export function addProbes(context: FeatureContext): void {
  const { nuxt, options, runtime } = context
  if (!options.health) return
  const { path } = options.health
  provideScaleConfig(context)
  addModuleRoutes(context, {
    option: 'scale.health.path',
    path,
    handlers: Object.values(probePathsOf(path)).flatMap(route =>
      (['get', 'head'] as const).map(method => ({ route, method, handler: runtime('health/handler') }))),
  })
  // A caching rule of the app for /api/** must not cache these responses, which may be outdated after a second.
  nuxt.options.routeRules = defu({ [`${path}/**`]: { cache: false as const } }, nuxt.options.routeRules)
}
