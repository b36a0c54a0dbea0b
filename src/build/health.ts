import { addServerTemplate } from '@nuxt/kit'
import { defu } from 'defu'
import type { FeatureContext } from './feature'
import { addModuleRoutes } from './module-routes'
import { provideScaleConfig } from './virtual-modules'

/** Name and arguments of the handler of each probe, by the end of its route. */
const PROBES = {
  '': { name: 'aggregate', handler: `'ready', true` },
  '/live': { name: 'live', handler: `'live'` },
  '/ready': { name: 'ready', handler: `'ready'` },
  '/startup': { name: 'startup', handler: `'startup'` },
}

/** Adds `GET /api/health` and its probes, and HEAD for each of them. */
export function addProbes(context: FeatureContext): void {
  const { nuxt, options, runtime } = context
  if (!options.health) return
  const { path } = options.health
  provideScaleConfig(context)
  for (const { name, handler } of Object.values(PROBES)) {
    addServerTemplate({
      filename: `#scale/health/${name}.mjs`,
      getContents: () => `import { createHealthHandler } from ${JSON.stringify(runtime('health/handler'))}\n`
        + `export default createHealthHandler(${handler})\n`,
    })
  }
  addModuleRoutes(context, {
    option: 'scale.health.path',
    path,
    handlers: Object.entries(PROBES).flatMap(([end, { name }]) =>
      (['get', 'head'] as const).map(method => ({ route: `${path}${end}`, method, handler: `#scale/health/${name}.mjs` }))),
  })
  // A caching rule of the app for /api/** must not cache these responses, which may be outdated after a second.
  nuxt.options.routeRules = defu({ [`${path}/**`]: { cache: false as const } }, nuxt.options.routeRules)
}
