import type { Nuxt } from '@nuxt/schema'
import type { Plugin } from 'rollup'

/**
 * Keeps the build silent about optional packages that the app has not installed. The module imports each where it is needed, and an app installs
 * what it needs; Rollup would warn of all others. One that is missing where it is used is an error at that moment.
 */
export function allowMissing(nuxt: Nuxt, packages: readonly string[]): void {
  nuxt.hook('nitro:config', (config) => {
    const plugin = createOptionalPackagesPlugin(packages)
    // Every other field of Rollup's options is Nitro's to fill in.
    config.rollupConfig = { ...config.rollupConfig, plugins: [plugin, ...[config.rollupConfig?.plugins].flat()] } as typeof config.rollupConfig
  })
}

/** The Rollup plugin of {@link allowMissing}. Exported for its test. */
export function createOptionalPackagesPlugin(packages: readonly string[]): Plugin {
  return {
    name: 'nuxt-scale:optional-packages',
    async resolveId(id, importer, options) {
      if (!packages.includes(id)) return null
      return await this.resolve(id, importer, { ...options, skipSelf: true }) ?? { id, external: true }
    },
  }
}
