import type { Nitro } from 'nitropack/types'
import type { FeatureContext } from './types'

/** How Nitro serves, by the file that its preset begins with: other presets than node-server may begin with that of node-server too. */
const NODE_SERVER = /[\\/]node-server(?:\.m?js)?$/
const NODE_CLUSTER = /[\\/]node-cluster(?:\.m?js)?$/

/** An end without a lost request. Only a server that is built for Node gets signals: in development and while pages are prerendered nothing is added. */
export function setupShutdown({ nuxt, options, runtime }: FeatureContext): void {
  if (!options.shutdown || nuxt.options.dev || nuxt.options._prepare) return
  nuxt.hook('nitro:init', (instance) => {
    const nitro = instance as unknown as Nitro
    const { entry, preset, plugins } = nitro.options
    if (NODE_CLUSTER.test(entry)) {
      throw new Error('scale.shutdown cannot drain under the preset node-cluster, whose primary process does not hand signals on to its workers: build with the preset node-server and run one process for each container or core, or remove scale.shutdown.')
    }
    // Behind all plugins, also those of the app.
    if (NODE_SERVER.test(entry)) plugins.push(runtime('shutdown/plugin'))
    else nitro.logger.warn(`[nuxt-scale] scale.shutdown does nothing under the preset ${preset}: whatever runs the functions there ends them.`)
  })
}
