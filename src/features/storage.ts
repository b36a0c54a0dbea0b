import { addServerPlugin, addServerTemplate } from '@nuxt/kit'
import type { Nitro, NitroOptions } from 'nitropack/types'
import type { FeatureContext } from './types'

/** The mounts `useStorage('redis')` and `useStorage('cache')`. Register it after the features that it shows. */
export function setupStorage({ nuxt, options, runtime }: FeatureContext): void {
  if (!options.storage) return
  let nitroMounts: string[] = []
  nuxt.hook('nitro:init', (instance) => {
    nitroMounts = findNitroMounts((instance as unknown as Nitro).options)
  })
  addServerTemplate({ filename: '#scale/nitro-mounts.mjs', getContents: () => `export default ${JSON.stringify(nitroMounts)}\n` })
  addServerPlugin(runtime('storage/plugin'))
}

/** The mounts that Nitro and its preset make by themselves, which the module may replace. All others are the app's. Exported for its test. */
export function findNitroMounts({ storage, devStorage, _config: config }: Pick<NitroOptions, 'storage' | 'devStorage' | '_config'>): string[] {
  const ofApp = Object.keys({ ...config.storage, ...config.devStorage })
  return Object.keys({ ...storage, ...devStorage }).filter(name => !ofApp.includes(name))
}
