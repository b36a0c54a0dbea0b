import { addServerPlugin } from '@nuxt/kit'
import { provideRoutes } from './routes'
import type { FeatureContext } from './types'

/** Cache headers, conditional requests, and the purge of a CDN. Register it after the cache, whose invalidations the purge follows. */
export function setupHttp(context: FeatureContext): void {
  const { options, runtime } = context
  if (!options.http) return
  provideRoutes(context)
  addServerPlugin(runtime('http/plugin'))
  if (options.http.purge) addServerPlugin(runtime('http/purge/plugin'))
}
