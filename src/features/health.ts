import { addServerHandler, addServerPlugin } from '@nuxt/kit'
import type { FeatureContext } from './types'

/** `GET /api/health`, and HEAD for probes that want no body. */
export function setupHealth({ options, runtime }: FeatureContext): void {
  if (!options.health) return
  addServerPlugin(runtime('health/plugin'))
  for (const method of ['get', 'head'] as const) {
    addServerHandler({ route: options.health.path, method, handler: runtime('health/route') })
  }
}
