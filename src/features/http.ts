import { addServerPlugin } from '@nuxt/kit'
import type { FeatureContext } from './types'

/** Cache headers and conditional requests. */
export function setupHttp({ options, runtime }: FeatureContext): void {
  if (options.http) addServerPlugin(runtime('http/plugin'))
}
