import { addServerPlugin, addServerTemplate } from '@nuxt/kit'
import type { Nitro, NitroOptions } from 'nitropack/types'
import type { FeatureContext } from './types'

/** Sets up the mounts `useStorage('redis')` and `useStorage('cache')`. Call it after the setup of Redis and the cache. */
export function setupStorage({ nuxt, options, runtime }: FeatureContext): void {
  if (!options.storage) return
  let nitroMounts: string[] = []
  nuxt.hook('nitro:init', (instance) => {
    nitroMounts = findNitroMounts((instance as unknown as Nitro).options)
  })
  addServerTemplate({ filename: '#scale/nitro-mounts.mjs', getContents: () => `export default ${JSON.stringify(nitroMounts)}\n` })
  addServerPlugin(runtime('storage/plugin'))
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
