import type { Nuxt } from '@nuxt/schema'
import type { Nitro } from 'nitropack/types'
import type { Plugin } from 'rollup'
import { withPlainErrors } from './plain-error'

/** Nitro 2's cache, wherever a package manager put it. */
const NITRO_CACHE = /[\\/]nitropack(?:-nightly|-edge)?[\\/]dist[\\/]runtime[\\/]internal[\\/]cache\.mjs(?:\?.*)?$/

/** Options that are functions, which route rules cannot carry: Nitro would drop them without a word. */
const FUNCTION_OPTIONS = ['getKey', 'shouldInvalidateCache', 'shouldBypassCache', 'tags', 'bypass', 'transform', 'validate', 'onSource'] as const

/**
 * Puts our cached functions and handlers in the place of Nitro's, in development, production and prerender builds alike.
 * The one module that holds Nitro's is replaced where the bundler loads it, so auto-imports, explicit imports and route rules all follow.
 *
 * @param nuxt the app that is built
 * @param runtimeFile absolute path of `runtime/server/cache/nitro/index`, without extension
 * @throws Error from the build, when Nitro's cache was not found in the server bundle
 */
export function replaceNitroCache(nuxt: Nuxt, runtimeFile: string): void {
  let nitro: Nitro | undefined
  nuxt.hook('nitro:config', (config) => {
    const plugin = createNitroCachePlugin(runtimeFile, () => pageRoutesOf(nitro))
    // Every other field of Rollup's options is Nitro's to fill in.
    config.rollupConfig = { ...config.rollupConfig, plugins: [plugin, ...[config.rollupConfig?.plugins].flat()] } as typeof config.rollupConfig
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
      // A rebuild in watch mode keeps the modules it has and does not load them again.
      if (!this.meta.watchMode) found = false
    },
    load(id) {
      if (!NITRO_CACHE.test(id)) return undefined
      found = true
      return { code: replacementText(runtimeFile, pageRoutes()), map: null }
    },
    buildEnd(error) {
      if (error || found) return
      this.error('[nuxt-scale] Nitro\'s cache module (nitropack/dist/runtime/internal/cache.mjs) is not in the server build, so cached routes would stay apart in each process: use nitropack 2.13 or set scale.cache.nitro to false.')
    },
  }
}

/**
 * The import of Nitro's storage must come first: through the app it is part of a circle, and entered from elsewhere
 * the storage is used before it is there. The exports are hoisted functions for the same reason.
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
 * The routes under which Nuxt's page renderer answers: `/**`, and a copy of it for every route rule
 * that no handler of the server covers. Pages name the files of their build, so their keys do too.
 */
export function pageRoutesOf(nitro: Pick<Nitro, 'options' | 'scannedHandlers'> | undefined): string[] {
  if (!nitro?.options.renderer) return []
  const own = ownRoutesOf(nitro)
  const isOwn = (path: string) => own.some(route => route === path
    || (route !== '/**' && /\/\*\*.*$/.test(route) && path.startsWith(route.replace(/\/\*\*.*$/, ''))))
  if (own.includes('/**')) return []
  return [...new Set(['/**', ...Object.keys(nitro.options.routeRules)])].filter(path => !isOwn(path))
}

/** The routes of the server's own handlers; with a method, in lower case, of those that answer it. */
export function ownRoutesOf(nitro: Pick<Nitro, 'options' | 'scannedHandlers'>, method?: string): string[] {
  return [...nitro.scannedHandlers, ...nitro.options.handlers]
    .filter(handler => handler.route && !handler.middleware && (!method || !handler.method || handler.method.toLowerCase() === method))
    .map(handler => handler.route!)
}

function checkRouteRule(path: string, cache: unknown): void {
  if (typeof cache !== 'object' || cache === null) return
  const wrong = FUNCTION_OPTIONS.find(option => typeof (cache as Record<string, unknown>)[option] === 'function')
  if (wrong) {
    throw new TypeError(`[nuxt-scale] routeRules['${path}'].cache.${wrong} is a function, which route rules cannot carry: write data, or wrap the handler in defineCachedEventHandler.`)
  }
}
