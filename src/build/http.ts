import { addServerPlugin } from '@nuxt/kit'
import { provideRoutes } from './routes'
import type { FeatureContext } from './types'

/** Sets up cache headers, conditional requests and CDN purges. Call it after the setup of the cache, whose invalidations trigger purges. */
export function setupHttp(context: FeatureContext): void {
  const { options, runtime } = context
  if (!options.http) return
  provideRoutes(context)
  addServerPlugin(runtime('http/plugin'))
  if (options.http.purge) addServerPlugin(runtime('http/purge/plugin'))
}
