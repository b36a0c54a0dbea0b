import { addServerImports, addServerPlugin } from '@nuxt/kit'
import { replaceNitroCache } from './nitro-cache'
import type { FeatureContext } from './types'

const HELPERS = ['cacheWithRedis', 'invalidateCache', 'invalidateCachePattern', 'invalidateCacheTags', 'setCacheTags']

/** Sets up the cache engine, its helpers, and Nitro's cache on this engine. */
export function setupCache({ nuxt, options, runtime }: FeatureContext): void {
  if (!options.cache) return
  addServerPlugin(runtime('cache/plugin'))
  addServerImports(HELPERS.map(name => ({ name, from: runtime('cache/utils') })))
  if (options.cache.nitro) replaceNitroCache(nuxt, runtime('cache/nitro/index'))
}
