import { addServerTemplate } from '@nuxt/kit'
import type { Nitro, NitroOptions } from 'nitropack/types'
import type { FeatureContext } from './feature'

/** Makes the names of the mounts that nuxt-scale may replace importable as `#scale/nitro-mounts.mjs`. */
export function provideNitroMounts({ nuxt }: FeatureContext): void {
  let nitroMounts: string[] = []
  nuxt.hook('nitro:init', (instance) => {
    nitroMounts = findNitroMounts((instance as unknown as Nitro).options)
  })
  addServerTemplate({ filename: '#scale/nitro-mounts.mjs', getContents: () => `export default ${JSON.stringify(nitroMounts)}\n` })
}

/**
 * Returns the mounts that Nitro and its preset create, which nuxt-scale may replace. All other mounts belong to the app.
 * Exported for its test.
 */
export function findNitroMounts(
  { storage, devStorage, _config: config }: Pick<NitroOptions, 'storage' | 'devStorage' | '_config'>,
): string[] {
  const ofApp = Object.keys({ ...config.storage, ...config.devStorage })
  return Object.keys({ ...storage, ...devStorage }).filter(name => !ofApp.includes(name))
}
