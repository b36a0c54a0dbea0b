import { addServerPlugin } from '@nuxt/kit'
import type { FeatureContext } from './types'

/** Cheaper hooks for every request. In development each call keeps its stack, which a debugger shows. */
export function setupHooks({ nuxt, runtime }: FeatureContext): void {
  if (!nuxt.options.dev) addServerPlugin(runtime('hooks/plugin'))
}
