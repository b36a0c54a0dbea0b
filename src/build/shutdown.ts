import type { Nitro } from 'nitropack/types'
import { kindOfPreset } from './presets'
import type { FeatureContext } from './types'

/** An end without a lost request. Only a server that is built for Node gets signals: in development and while pages are prerendered nothing is added. */
export function setupShutdown({ nuxt, options, runtime }: FeatureContext): void {
  if (!options.shutdown || nuxt.options.dev || nuxt.options._prepare) return
  nuxt.hook('nitro:init', (instance) => {
    const { options: nitro } = instance as unknown as Nitro
    // Behind all plugins, also those of the app.
    if (kindOfPreset(nitro) === 'server') nitro.plugins.push(runtime('shutdown/plugin'))
  })
}
