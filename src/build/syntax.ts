import type { NitroConfig } from 'nitropack/types'
import type { FeatureContext } from './types'

/**
 * Keeps private fields and class fields of the server what they are. Nitro 2 rewrites them for Node 12, as a WeakMap each,
 * which costs a look-up an access and is dear to the garbage collector. Every Node that Nuxt 4 runs on knows them. An app's own target stays.
 */
export function keepModernSyntax({ nuxt }: Pick<FeatureContext, 'nuxt'>): void {
  nuxt.hook('nitro:config', (config) => {
    const nitro = config as NitroConfig
    nitro.esbuild ??= {}
    nitro.esbuild.options ??= {}
    nitro.esbuild.options.target ??= 'es2022'
  })
}
