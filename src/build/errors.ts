import { addServerPlugin } from '@nuxt/kit'
import type { FeatureContext } from './types'

/** How the module's errors are answered: a public sentence and a code. Every feature can fail a request. */
export function setupErrors({ runtime }: FeatureContext): void {
  addServerPlugin(runtime('request/plugin'))
}
