import type { Nitro } from 'nitropack/types'
import { kindOfPreset } from './presets'
import type { FeatureContext } from './feature'

/**
 * Sets up graceful shutdown. Only servers that are built for Node receive signals, so it adds nothing in development and for
 * prerendering.
 */
export function setupShutdown({ nuxt, runtime }: FeatureContext): void {
  if (nuxt.options.dev || nuxt.options._prepare) return
  nuxt.hook('nitro:init', (instance) => {
    const { options: nitro } = instance as unknown as Nitro
    // It must run after all other plugins, including those of the app.
    if (kindOfPreset(nitro) === 'server') nitro.plugins.push(runtime('shutdown/plugin'))
  })
}
