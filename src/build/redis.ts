import { addServerImports, addServerPlugin } from '@nuxt/kit'
import type { FeatureContext } from './types'

/** Sets up the shared connection: `useRedis()` and `nitroApp.redis`. */
export function setupRedis({ options, runtime }: FeatureContext): void {
  if (!options.redis) return
  addServerPlugin(runtime('redis/plugin'))
  addServerImports([{ name: 'useRedis', from: runtime('redis/utils') }])
}
