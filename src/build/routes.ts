import { addServerTemplate } from '@nuxt/kit'
import type { Nitro } from 'nitropack/types'
import { ownRoutesOf, pageRoutesOf } from './nitro-cache'
import type { FeatureContext } from './types'

/**
 * Makes the routes of the app importable as `#scale/routes.mjs`. Features must know whether a server route or the page renderer answers a
 * path.
 */
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
 * Returns the server routes and the page routes. Nitro gives the renderer a separate route only for rules that cache. If a server route
 * answers only other methods, the renderer answers GET.
 */
function routesOf(nitro: Nitro): { own: readonly string[], pages: readonly string[] } {
  const pages = pageRoutesOf(nitro).filter(route => route === '/**' || nitro.options.routeRules[route]?.cache)
  return { own: ownRoutesOf(nitro, 'get'), pages }
}
