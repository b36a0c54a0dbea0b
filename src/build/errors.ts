import { addServerPlugin } from '@nuxt/kit'
import type { FeatureContext } from './types'

/** Sets up the responses to errors of the module: a public sentence and a code. Every feature can throw such errors. */
export function setupErrors({ runtime }: FeatureContext): void {
  addServerPlugin(runtime('request/plugin'))
}
