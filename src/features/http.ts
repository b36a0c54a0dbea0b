import { addServerPlugin } from '@nuxt/kit'
import type { FeatureContext } from './types'

/** Cache headers, conditional requests, and the purge of a CDN. Register it after the cache, whose invalidations the purge follows. */
export function setupHttp({ options, runtime }: FeatureContext): void {
  if (!options.http) return
  addServerPlugin(runtime('http/plugin'))
  if (options.http.purge) addServerPlugin(runtime('http/purge/plugin'))
}
