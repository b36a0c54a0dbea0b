import type { Nuxt } from '@nuxt/schema'
import type { Nitro } from 'nitropack/types'
import type { Plugin } from 'rollup'
import { withPlainErrors } from './plain-error'

/** Path of the cache module of Nitro 2, in the folder layout of any package manager. */
const NITRO_CACHE = /[\\/]nitropack(?:-nightly|-edge)?[\\/]dist[\\/]runtime[\\/]internal[\\/]cache\.mjs(?:\?.*)?$/

/** Options that may be functions. Route rules cannot contain functions; Nitro would drop them silently. */
const FUNCTION_OPTIONS = [
  'getKey', 'shouldInvalidateCache', 'shouldBypassCache', 'tags', 'bypass', 'transform', 'validate', 'onSource',
] as const

/**
 * Replaces Nitro's cached functions and handlers by those of nuxt-scale, in development, production and prerender builds.
 * The bundler loads the replacement in place of Nitro's cache module, so auto-imports, explicit imports and route rules all use it.
 *
 * @param nuxt the app that is built
 * @param runtimeFile absolute path of `runtime/server/cache/nitro/index`, without extension
 * @throws Error in the build, when the server bundle does not contain Nitro's cache module
 */
export function replaceNitroCache(nuxt: Nuxt, runtimeFile: string): void {
  let nitro: Nitro | undefined
  nuxt.hook('nitro:config', (config) => {
    const plugin = createNitroCachePlugin(runtimeFile, () => pageRoutesOf(nitro))
    // Nitro fills in the other fields of Rollup's options.
    config.rollupConfig = {
      ...config.rollupConfig,
      plugins: [plugin, ...[config.rollupConfig?.plugins].flat()],
    } as typeof config.rollupConfig
  })
  nuxt.hook('nitro:init', (instance) => {
    nitro = instance as unknown as Nitro
    withPlainErrors(nuxt, () => {
      for (const [path, rule] of Object.entries(instance.options.routeRules)) checkRouteRule(path, rule.cache)
    })
  })
}

/** The Rollup plugin of {@link replaceNitroCache}. Exported for its test. */
export function createNitroCachePlugin(runtimeFile: string, pageRoutes: () => readonly string[]): Plugin {
  let found = false
  return {
    name: 'nuxt-scale:nitro-cache',
    buildStart() {
      // A rebuild in watch mode does not load unchanged modules again.
      if (!this.meta.watchMode) found = false
    },
    load(id) {
      if (!NITRO_CACHE.test(id)) return undefined
      found = true
      return { code: replacementText(runtimeFile, pageRoutes()), map: null }
    },
    buildEnd(error) {
      if (error || found) return
      this.error('[nuxt-scale] Nitro\'s cache module (nitropack/dist/runtime/internal/cache.mjs) is not in the server build, '
        + 'so each process would cache routes on its own: use nitropack 2.13 or set scale.cache.nitro to false.')
    },
  }
}

/**
 * Returns the source of the module that replaces Nitro's cache module.
 * Nitro's storage must be imported first: the app, the storage and this module form an import cycle, and with another order the
 * storage would be used before its initialization. For the same reason the exports are hoisted functions.
 */
function replacementText(runtimeFile: string, pageRoutes: readonly string[]): string {
  return `import './storage.mjs'
import { cachedEventHandler as cacheHandler } from ${JSON.stringify(runtimeFile)}
export { cachedFunction, defineCachedFunction } from ${JSON.stringify(runtimeFile)}
export function cachedEventHandler(handler, options) {
  return cacheHandler(handler, options, { pageRoutes: ${JSON.stringify(pageRoutes)} })
}
export function defineCachedEventHandler(handler, options) {
  return cachedEventHandler(handler, options)
}
`
}

/**
 * Returns the routes that Nuxt's page renderer answers: `/**`, and every route rule that no handler of the server covers.
 * The keys of pages contain the build id, because a page refers to files of its build.
 */
export function pageRoutesOf(nitro: Pick<Nitro, 'options' | 'scannedHandlers'> | undefined): string[] {
  if (!nitro?.options.renderer) return []
  const own = ownRoutesOf(nitro)
  const isOwn = (path: string) => own.some(route => route === path
    || (route !== '/**' && /\/\*\*.*$/.test(route) && path.startsWith(route.replace(/\/\*\*.*$/, ''))))
  if (own.includes('/**')) return []
  return [...new Set(['/**', ...Object.keys(nitro.options.routeRules)])].filter(path => !isOwn(path))
}

/** Returns the routes of the server's own handlers; with `method` (lower case), only of handlers for that method. */
export function ownRoutesOf(nitro: Pick<Nitro, 'options' | 'scannedHandlers'>, method?: string): string[] {
  return [...nitro.scannedHandlers, ...nitro.options.handlers]
    .filter(handler => handler.route && !handler.middleware
      && (!method || !handler.method || handler.method.toLowerCase() === method))
    .map(handler => handler.route!)
}

function checkRouteRule(path: string, cache: unknown): void {
  if (typeof cache !== 'object' || cache === null) return
  const wrong = FUNCTION_OPTIONS.find(option => typeof (cache as Record<string, unknown>)[option] === 'function')
  if (wrong) {
    throw new TypeError(`[nuxt-scale] routeRules['${path}'].cache.${wrong} is a function, which route rules cannot contain: `
      + 'write data, or wrap the handler in defineCachedEventHandler.')
  }
}
