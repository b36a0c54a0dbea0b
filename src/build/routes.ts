import { addServerTemplate } from '@nuxt/kit'
import type { Nitro } from 'nitropack/types'
import { ownRoutesOf, pageRoutesOf } from './nitro-cache'
import type { FeatureContext } from './types'

/** Makes the routes of the app importable as `#scale/routes.mjs`: a rule has to know which of its two routers answers a path. */
export function provideRoutes({ nuxt }: Pick<FeatureContext, 'nuxt'>): void {
  let nitro: Nitro | undefined
  nuxt.hook('nitro:init', (instance) => {
    nitro = instance as unknown as Nitro
  })
  addServerTemplate({
    filename: '#scale/routes.mjs',
    getContents: () => `export default ${JSON.stringify(nitro ? routesOf(nitro) : { own: [], pages: [] })}\n`,
  })
}

/**
 * Nitro gives the renderer a route of its own for each rule that caches, and for no other. Where a route of the server answers other methods alone,
 * the renderer answers GET.
 */
function routesOf(nitro: Nitro): { own: readonly string[], pages: readonly string[] } {
  const pages = pageRoutesOf(nitro).filter(route => route === '/**' || nitro.options.routeRules[route]?.cache)
  return { own: ownRoutesOf(nitro, 'get'), pages }
}
