import type { Nuxt } from '@nuxt/schema'
import type { Plugin } from 'rollup'

/**
 * Prevents build warnings about optional packages that the app has not installed. The module imports each package only where it needs it.
 * If a needed package is missing, the import fails at run time with an error.
 */
export function allowMissing(nuxt: Nuxt, packages: readonly string[]): void {
  nuxt.hook('nitro:config', (config) => {
    const plugin = createOptionalPackagesPlugin(packages)
    // Nitro fills in the other fields of Rollup's options.
    config.rollupConfig = {
      ...config.rollupConfig,
      plugins: [plugin, ...[config.rollupConfig?.plugins].flat()],
    } as typeof config.rollupConfig
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
