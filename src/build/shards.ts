import { addServerImports, addServerPlugin, addServerTemplate } from '@nuxt/kit'
import { detailsOf } from '../runtime/server/core/source-details'
import type { FeatureContext } from './types'

const HELPERS = ['getShardForRegion', 'getShardForUser', 'getShardForKey', 'resolveShard', 'scatter']

/** Sets up sharding. Call it after the setup of the database, whose clients it returns. */
export function setupShards({ options, runtime }: FeatureContext): void {
  if (!options.shards) return
  const details = detailsOf(options.shards.map)
  addServerTemplate({ filename: '#scale/shard-details.mjs', getContents: () => `export default ${JSON.stringify(details)}\n` })
  addServerPlugin(runtime('shards/plugin'))
  addServerImports(HELPERS.map(name => ({ name, from: runtime('shards/utils') })))
}
