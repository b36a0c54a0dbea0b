import { addServerPlugin } from '@nuxt/kit'
import type { FeatureContext } from './types'

/** The mounts `useStorage('redis')` and `useStorage('cache')`. Register it after the rooms that it shows. */
export function setupStorage({ options, runtime }: FeatureContext): void {
  if (!options.storage) return
  addServerPlugin(runtime('storage/plugin'))
}
